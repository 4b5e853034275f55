import { EngineError, fromErrorData } from '../../core/base/errors.ts';
import { invoke, issues, type StepScope } from '../../core/guard/invoke.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import { freeTextIn } from '../../core/sdk/extractor.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';

/**
 * Runs an agent's playbook over the guarded tools and returns its validated output. What ends the attempt ends it also when the
 * playbook catches the errors of its tools, and from then on it calls none.
 * @throws OUTPUT_INVALID and what its tools throw
 */
export async function runPlaybook(
  input: unknown,
  scope: StepScope,
  onFinding: (finding: FindingInput) => void,
): Promise<unknown> {
  const { agent } = scope;
  if (!agent.procedure)
    throw new EngineError(
      'MODEL_REQUIRED',
      `'${scope.agentName}' has no playbook; it needs a model: set OPENAI_API_KEY or ANTHROPIC_API_KEY, or name one in tutti.config.ts.`,
    );
  const calls = new ToolCalls(scope);
  const tools = Object.fromEntries(
    Object.entries(agent.tools as Readonly<Record<string, AnyTool>>).map(([name, tool]) => [
      name,
      (args: unknown) => calls.make(tool, args),
    ]),
  );
  const { goal = null, businessDate: today } = scope;
  const context = { input, goal, tools, finding: onFinding, today };
  try {
    return checkOutput(await agent.procedure({ ...context, signal: scope.signal } as never), scope);
  } finally {
    calls.throwIfEnded();
  }
}

/** Validates what an agent hands in against its schema. @throws OUTPUT_INVALID */
function checkOutput(output: unknown, scope: Pick<StepScope, 'agent' | 'agentName'>): unknown {
  const parsed = scope.agent.output.safeParse(output);
  const free = parsed.success && scope.agent.extractor ? freeTextIn(parsed.data) : null;
  if (parsed.success && free === null) return parsed.data;
  const why = parsed.success ? `${free}: must be a code, not a text` : issues(parsed.error);
  throw new EngineError(
    'OUTPUT_INVALID',
    `'${scope.agentName}' handed in what its schema does not allow: ${why}.`,
  );
}

/** The tool calls of one playbook. */
class ToolCalls {
  readonly #scope: StepScope;
  #end: { readonly reason: unknown } | null = null;

  constructor(scope: StepScope) {
    this.#scope = scope;
  }

  async make(tool: AnyTool, args: unknown): Promise<unknown> {
    this.throwIfEnded();
    const outcome = await invoke(tool, args, this.#scope).catch((reason: unknown) => {
      this.#end ??= { reason };
      throw reason;
    });
    if (outcome.kind === 'error') throw fromErrorData(outcome.error);
    return outcome.value;
  }

  throwIfEnded(): void {
    if (this.#end) throw this.#end.reason;
  }
}
