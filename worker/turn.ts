import { EngineError, isEngineError, toErrorData } from '../core/base/errors.ts';
import { readText, Text, toStorableJson } from '../core/base/text.ts';
import { invoke, issues, type StepScope } from '../core/guard/invoke.ts';
import { type Prompt, reportSchema, reportTool } from '../core/guard/prompt.ts';
import type { Answered } from '../core/ports/dispatcher.ts';
import type {
  Model,
  ModelReply,
  ModelRequest,
  ModelTarget,
  Part,
} from '../core/ports/models/model.ts';
import { requestBytes } from '../core/ports/models/prices.ts';
import type { FindingInput } from '../core/sdk/agent.ts';
import type { AnyTool } from '../core/sdk/tool.ts';
import type { Conversation } from './conversation.ts';
import { checkFinding } from './finding.ts';

/** What an agent runs with. */
export interface AgentContext {
  readonly scope: StepScope;
  readonly talk: Conversation;
  readonly prompt: Prompt;
  readonly target: ModelTarget;
  /** The agent's model, opened on first use. */
  readonly model: () => Model;
}

/** What an attempt has come to so far: its findings count once it has succeeded, so a failed try leaves none behind. */
export interface Said {
  /** Whether it has read free text of records. */
  external: boolean;
  findings: FindingInput[];
}

/** One model call under a permit; its usage is reported whatever happens. @throws MODEL_* · BUDGET_EXCEEDED */
export async function callModel(
  context: AgentContext,
  request: ModelRequest,
  turn: number,
): Promise<ModelReply> {
  const { talk, target } = context;
  if (turn > 1 || !talk.job.permitted) await talk.permit(requestBytes(request));
  const startedAt = performance.now();
  const report = (rest: {
    readonly usage: ModelReply['usage'] | null;
    readonly stop: string;
    readonly sent: boolean;
    readonly error?: unknown;
    readonly body?: string;
  }): void => {
    const { error, ...told } = rest;
    talk.turn({
      turn,
      model: target.model,
      durationMs: Math.round(performance.now() - startedAt),
      ...told,
      ...(error !== undefined && { error: toErrorData(error) }),
    });
  };
  using deadline = turnDeadline(context);
  try {
    const reply = await context.model().call(request, { signal: deadline.signal });
    report({ usage: reply.usage, stop: reply.stop, sent: true, body: toStorableJson(reply.parts) });
    return reply;
  } catch (error) {
    report({ usage: null, stop: 'error', sent: wasSent(error), error });
    throw error;
  }
}

/** Aborts with the job, or when the agent's own limit on one model call has passed. */
function turnDeadline({ scope, talk }: AgentContext): { signal: AbortSignal } & Disposable {
  const timeoutMs = scope.agent.limits?.turnTimeoutMs;
  if (timeoutMs === undefined) return { signal: talk.signal, [Symbol.dispose]: () => {} };
  const late = new AbortController();
  const message = `The model did not end its turn for '${scope.agentName}' within ${timeoutMs} ms.`;
  const timer = setTimeout(
    () => late.abort(new EngineError('MODEL_UNAVAILABLE', message)),
    timeoutMs,
  );
  const signal = AbortSignal.any([talk.signal, late.signal]);
  return { signal, [Symbol.dispose]: () => clearTimeout(timer) };
}

// These are answers of a provider that has refused the request before doing any work, which it does not bill.
function wasSent(error: unknown): boolean {
  return (
    !isEngineError(error) ||
    !['MODEL_RATE_LIMITED', 'MODEL_REFUSED', 'MODEL_UNKNOWN', 'CONFIG_INVALID'].includes(error.code)
  );
}

type Call = Extract<Part, { kind: 'call' }>;

/**
 * Carries out the calls of one turn, one after the other. What they came to is recorded before the model is asked again: an
 * attempt that goes on after a crash must tell the model what it has been told already.
 */
export async function answerCalls(
  context: AgentContext,
  calls: readonly Call[],
  turn: number,
): Promise<Answered> {
  const said: Said = { external: false, findings: [] };
  const results: Part[] = [];
  for (const call of calls) {
    const { content, isError } = await answer(context, call, said);
    results.push({ kind: 'result', id: call.id, name: call.name, content, isError });
  }
  const answered = { results, ...said };
  context.talk.entry('turn.answered', { turn, calls: calls.length }, toStorableJson(answered));
  return answered;
}

/** Adds what a turn's tool calls came to. */
export function recall({ external, findings }: Answered, said: Said): void {
  said.external ||= external;
  said.findings.push(...findings);
}

async function answer(
  context: AgentContext,
  call: Call,
  said: Said,
): Promise<{ readonly content: string; readonly isError: boolean }> {
  if (call.name === reportTool && context.scope.agent.findings) {
    return report(context, call.args, said);
  }
  const tool = (Object.values(context.scope.agent.tools) as AnyTool[]).find(
    (each) => each.name === call.name,
  );
  if (!tool) {
    const error = new EngineError('TOOL_UNKNOWN', `There is no tool '${call.name}'.`);
    context.talk.entry('tool.called', {
      tool: call.name.slice(0, 64),
      effect: 'read',
      rule: 'schema',
      records: 0,
      outcome: 'error',
      code: error.code,
    });
    return { content: error.message, isError: true };
  }
  const outcome = await invoke(tool, call.args, context.scope);
  if (outcome.kind === 'error') return { content: outcome.error.message, isError: true };
  return { content: show(outcome.value, tool, said), isError: false };
}

/** A tool's result as the model sees it: free text only where the tool reveals it, which makes the context external. */
function show(value: unknown, tool: AnyTool, said: Said): string {
  const reveals = new Set(tool.reveals ?? []);
  const text = JSON.stringify(
    value,
    function (this: Readonly<Record<string, unknown>>, key: string, shown: unknown) {
      // JSON.stringify has asked a Text for its placeholder already; the holder still has the Text itself.
      const original = this[key];
      if (!(original instanceof Text) || !reveals.has(key)) return shown;
      said.external = true;
      return readText(original);
    },
  );
  return text ?? 'null';
}

function report(
  { scope }: AgentContext,
  args: unknown,
  said: Said,
): { readonly content: string; readonly isError: boolean } {
  const parsed = reportSchema.safeParse(args);
  if (!parsed.success)
    return { content: `The finding is not recorded: ${issues(parsed.error)}.`, isError: true };
  const { amount, currency, company, ...rest } = parsed.data;
  const stranger = rest.records.find(({ entity }) => !scope.entities.has(entity));
  if (stranger) {
    return {
      content: `The finding is not recorded: there are no records '${stranger.entity}'.`,
      isError: true,
    };
  }
  const finding = {
    ...rest,
    ...(company !== null && { company }),
    ...(amount !== null && currency !== null && { amount: { amount, currency } }),
  } as FindingInput;
  try {
    said.findings.push(checkFinding(scope, finding));
    return { content: 'recorded', isError: false };
  } catch (error) {
    return { content: toErrorData(error).message, isError: true };
  }
}
