import { EngineError, fromErrorData } from '../core/base/errors.ts';
import { invoke, issues, type StepScope } from '../core/guard/invoke.ts';
import type { FindingInput } from '../core/sdk/agent.ts';
import type { AnyTool } from '../core/sdk/tool.ts';

/** Runs an agent's playbook over the guarded tools and returns its validated output. @throws OUTPUT_INVALID and what its tools throw */
export async function runPlaybook(
  input: unknown,
  scope: StepScope,
  onFinding: (finding: FindingInput) => void,
): Promise<unknown> {
  const { agent } = scope;
  if (!agent.procedure)
    throw new EngineError(
      'MODEL_REQUIRED',
      `'${scope.agentName}' has no playbook; it needs a model.`,
    );
  const tools = Object.fromEntries(
    Object.entries(agent.tools as Readonly<Record<string, AnyTool>>).map(([name, tool]) => [
      name,
      (args: unknown) => callTool(tool, args, scope),
    ]),
  );
  const output = await agent.procedure({
    input,
    tools,
    finding: onFinding,
    today: scope.businessDate,
    signal: scope.signal,
  } as never);
  return checkOutput(output, scope);
}

/** Validates what an agent hands in against its schema. @throws OUTPUT_INVALID */
function checkOutput(output: unknown, scope: Pick<StepScope, 'agent' | 'agentName'>): unknown {
  const parsed = scope.agent.output.safeParse(output);
  if (parsed.success) return parsed.data;
  throw new EngineError(
    'OUTPUT_INVALID',
    `'${scope.agentName}' handed in what its schema does not allow: ${issues(parsed.error)}.`,
  );
}

async function callTool(tool: AnyTool, args: unknown, scope: StepScope): Promise<unknown> {
  const outcome = await invoke(tool, args, scope);
  if (outcome.kind === 'error') throw fromErrorData(outcome.error);
  return outcome.value;
}
