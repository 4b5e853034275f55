import { EngineError, isEngineError, toErrorData } from '../../core/base/errors.ts';
import { excessOf, type Largest } from '../../core/base/size.ts';
import { beginningOf, toStorableJson, toVisible, toVisibleData } from '../../core/base/text.ts';
import { invoke, issues, type StepScope } from '../../core/guard/invoke.ts';
import { joinOf, raise } from '../../core/guard/labels.ts';
import { type Prompt, reportSchema, reportTool } from '../../core/guard/prompt.ts';
import { mayHandOn } from '../../core/guard/standing.ts';
import type { TurnDone } from '../../core/ports/dispatcher.ts';
import type {
  Message,
  Model,
  ModelReply,
  ModelTarget,
  Part,
} from '../../core/ports/models/model.ts';
import { requestBytes } from '../../core/ports/models/prices.ts';
import type { Answered, DelegatedCall } from '../../core/ports/recorded-turn.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import type { AnyTool } from '../../core/sdk/tool.ts';
import { type Answer, readAnswer, toRecord } from './answer.ts';
import type { Conversation } from './conversation.ts';
import { type HandingOn, handedOn, waitsForOthers } from './delegation.ts';
import type { Findings } from './finding.ts';
import type { Pace } from './pace.ts';
import { show } from './shown.ts';

/** What an agent runs with. */
export interface AgentContext {
  readonly scope: StepScope;
  readonly talk: Conversation;
  readonly prompt: Prompt;
  /** The models that its calls may go to, in the order of its profile's chain. */
  readonly targets: readonly ModelTarget[];
  /** Whether somebody wants to see what the model says while it says it. */
  readonly isWatched: () => boolean;
  /** A model, opened on first use. */
  readonly model: (target: ModelTarget) => Model;
  /** The agents that its model may hand work to. @default none */
  readonly handsOn?: HandingOn | null;
  /** How a rehearsal waits. */
  readonly pace: Pace;
}

/** A reply and what it says. */
export interface Told {
  readonly reply: ModelReply;
  readonly answer: Answer;
}

/**
 * One turn: a model call under a permit, made again as long as it fails for now and the engine allows it. Each call's usage is
 * reported whatever happens. @throws MODEL_* · BUDGET_EXCEEDED · BREAKER_OPEN · RESULT_UNCLONABLE
 */
export async function callModel(
  context: AgentContext,
  messages: readonly Message[],
  turn: number,
): Promise<Told> {
  const { talk, prompt, targets } = context;
  const { permitted, target: first = 0 } = talk.job;
  // The first turn of most attempts comes with its permit, and is not measured again.
  const bytesOf = (): number => requestBytes(prompt.request('', messages, 0));
  let chosen = turn === 1 && permitted ? first : await talk.permit({ bytes: bytesOf() });
  const failures: Record<string, number> = {};
  for (;;) {
    const target = targets[chosen] as ModelTarget;
    const startedAt = performance.now();
    const call: ModelCall = { turn, target, startedAt, hasLeft: false, firstChunkMs: null };
    const reply = await send(context, call, messages).catch((error: unknown) => {
      tell(context, call, { usage: null, stop: 'error', sent: wasSent(call, error), error });
      return error as Error;
    });
    talk.mark();
    if (!(reply instanceof Error)) return readReply(context, call, reply);
    if (!mayPass(reply)) throw reply;
    const tries = (failures[reply.code] ?? 0) + 1;
    failures[reply.code] = tries;
    const failed = { error: toErrorData(reply), tries };
    chosen = await talk.permit({ bytes: bytesOf(), failed });
  }
}

/** A call of a model under way. */
interface ModelCall {
  readonly turn: number;
  readonly target: ModelTarget;
  readonly startedAt: number;
  /** Whether its model has told that it leaves; of one that tells nothing, from the beginning. */
  hasLeft: boolean;
  /** Until the first piece of the reply; null before. */
  firstChunkMs: number | null;
}

/** What a reply may have: several times what 128,000 tokens are. It is recorded, and read again by an attempt that goes on from it. */
const largestReply: Largest = { bytes: 8_000_000, values: 200_000 };

function readReply(context: AgentContext, call: ModelCall, reply: ModelReply): Told {
  const { usage, stop, quota, model: answeredBy } = reply;
  const told = { usage, sent: true, answeredBy, ...(quota && { quota }) };
  const excess = excessOf(JSON.stringify(reply.parts), largestReply);
  if (excess !== null) {
    const error = new EngineError('MODEL_REPLY_INVALID', `The model's reply ${excess}.`);
    tell(context, call, { ...told, stop: 'error', error });
    throw error;
  }
  let answer: Answer | null = null;
  try {
    answer = readAnswer(reply, context.scope);
    return { reply, answer };
  } finally {
    tell(context, call, { ...told, stop, ...toRecord(reply, answer) });
  }
}

function tell(
  { talk, model }: AgentContext,
  { turn, target, startedAt, firstChunkMs }: ModelCall,
  rest: Pick<TurnDone, 'usage' | 'stop' | 'sent' | 'body' | 'isOutput' | 'quota' | 'answeredBy'> & {
    readonly error?: unknown;
  },
): void {
  const { error, ...told } = rest;
  const durationMs = Math.round(performance.now() - startedAt);
  const failure = error === undefined ? {} : { error: toErrorData(error) };
  const { provider } = model(target);
  const chunk = firstChunkMs === null ? {} : { firstChunkMs };
  talk.turn({ turn, model: target.model, provider, durationMs, ...chunk, ...told, ...failure });
}

async function send(
  context: AgentContext,
  call: ModelCall,
  messages: readonly Message[],
): Promise<ModelReply> {
  const { target } = call;
  using deadline = turnDeadline(context);
  const { model, maxOutputTokens = 4_096 } = target;
  const request = context.prompt.request(model, messages, maxOutputTokens);
  const provider = context.model(target);
  const onSent = (): void => {
    if (!call.hasLeft) context.talk.sent();
    call.hasLeft = true;
  };
  if (!provider.tellsSent) onSent();
  return await provider.call(request, {
    signal: deadline.signal,
    onSent,
    onFirstChunk: () => {
      call.firstChunkMs ??= Math.round(performance.now() - call.startedAt);
    },
    ...target.deadlines,
    ...(context.isWatched() && { onDelta: (text) => context.talk.delta(text) }),
  });
}

/** Failures that the same call may not meet again: its provider was busy, away or slow. */
function mayPass(error: unknown): error is EngineError {
  return isEngineError(error) && ['MODEL_RATE_LIMITED', 'MODEL_UNAVAILABLE'].includes(error.code);
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

// These are answers of a provider that has refused the request before doing any work: nothing is billed or counted, as of a call that
// found nobody to connect to. One that is turned away for its limits (MODEL_RATE_LIMITED) is not billed either, but counts as a request.
function wasSent({ hasLeft }: ModelCall, error: unknown): boolean {
  const isTurnedAway =
    isEngineError(error) &&
    ['MODEL_REFUSED', 'MODEL_UNKNOWN', 'CONFIG_INVALID'].includes(error.code);
  return hasLeft && !isTurnedAway;
}

type Call = Extract<Part, { kind: 'call' }>;

/** Characters of what a call is answered with, and of the answers of a turn together: no model reads more, and all of it is recorded. */
const longestAnswer = 1_000_000;
const longestAnswers = 4_000_000;

/**
 * Carries out the calls of one turn, one after the other. What they came to is recorded before the model is asked again: an
 * attempt that goes on after a crash must tell the model what it has been told already. Calls that go to other agents end the attempt
 * once all the others are answered. @throws TURN_DELEGATED
 */
export async function answerCalls(
  context: AgentContext,
  {
    calls,
    turn,
    found,
  }: { readonly calls: readonly Call[]; readonly turn: number; readonly found: Findings },
): Promise<Answered> {
  const before = found.all.length;
  const results: Part[] = [];
  const delegated: DelegatedCall[] = [];
  let left = longestAnswers;
  let external = false;
  for (const [at, call] of calls.entries()) {
    const handed = await handOn(context, { call, at, before: delegated.length });
    if (handed && 'agent' in handed) {
      delegated.push(handed);
      continue;
    }
    const {
      content,
      isError,
      external: isExternal,
    } = handed ?? (await answer(context, call, found));
    external ||= isExternal === true;
    const shown = beginningOf(context.talk.shown(content), Math.min(longestAnswer, left));
    left -= shown.length;
    results.push({ kind: 'result', id: call.id, name: call.name, content: shown, isError });
  }
  const findings = found.all.slice(before);
  const answered = { results, external, trust: context.scope.label.trust, findings };
  const data = { turn, calls: calls.length };
  if (delegated.length > 0) {
    const partly = toStorableJson({ ...answered, delegated });
    context.talk.entry('turn.answered', { ...data, delegated: delegated.length }, partly);
    throw waitsForOthers();
  }
  context.talk.entry('turn.answered', data, toStorableJson(answered));
  return answered;
}

/** What a call hands on, or what the model is told where it may not; null for any other call. @throws DB_* */
async function handOn(
  { handsOn, scope, talk }: AgentContext,
  asked: Pick<Parameters<typeof handedOn>[2], 'call' | 'at' | 'before'>,
): Promise<DelegatedCall | Result | null> {
  const delegate = handsOn?.delegates.find(({ name }) => name === asked.call.name);
  if (!handsOn || !delegate) return null;
  const isOpen = await mayHandOn(scope, delegate);
  try {
    return handedOn(handsOn, talk.job, { ...asked, delegate, isOpen });
  } catch (error) {
    const { code, message } = toErrorData(error);
    talk.entry('agent.called', { agent: asked.call.name, outcome: 'refused', code });
    return { content: toVisible(message), isError: true };
  }
}

/** What a model is told of a call. */
interface Result {
  readonly content: string;
  readonly isError: boolean;
  /** Whether it holds free text of records. */
  readonly external?: boolean;
}

/** Adds what a turn's tool calls have made of the conversation's label. */
export function recall(
  { scope: { label } }: AgentContext,
  { external, trust = external ? 'external' : 'erp' }: Answered,
): void {
  label.trust = joinOf([label.trust, trust]);
}

async function answer(context: AgentContext, call: Call, found: Findings): Promise<Result> {
  if (call.name === reportTool && context.scope.agent.findings) {
    return report(context, toVisibleData(call.args), found);
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
      trust: context.scope.label.trust,
      outcome: 'error',
      code: error.code,
    });
    return { content: error.message, isError: true };
  }
  const outcome = await invoke(tool, toVisibleData(call.args), context.scope);
  if (outcome.kind === 'error') return { content: toVisible(outcome.error.message), isError: true };
  const { content, revealed } = show(outcome.value, tool);
  const external = revealed.length > 0;
  if (external) raise(context.scope, 'external', { tool: tool.name, fields: revealed });
  return { content, isError: false, external };
}

function report(
  { scope }: AgentContext,
  args: unknown,
  found: Findings,
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
    found.add(scope, finding);
    return { content: 'recorded', isError: false };
  } catch (error) {
    return { content: toErrorData(error).message, isError: true };
  }
}
