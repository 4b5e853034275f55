import { EngineError, fromErrorData, isEngineError } from '../../core/base/errors.ts';
import { monotonicNs } from '../../core/base/lease-clock.ts';
import { isDeeperJson, mostLevels } from '../../core/base/nesting.ts';
import { toPlainData } from '../../core/base/plain-data.ts';
import { excessOf, type Largest } from '../../core/base/size.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
import { toStorableJson } from '../../core/base/text.ts';
import type { Recorder } from '../../core/guard/invoke.ts';
import type { EffectState } from '../../core/ports/db/states.ts';
import type {
  Answer,
  EffectRecord,
  FromThread,
  Intent,
  Job,
  JobDone,
  PermitAsk,
  RoutedCall,
  TurnDone,
} from '../../core/ports/dispatcher.ts';
import type { FindingInput } from '../../core/sdk/agent.ts';
import type { McpResult } from '../../core/sdk/outside.ts';
import { scrubbed } from './scrubbed.ts';

/** Who waits for an answer of the engine. */
interface Waiting {
  readonly resolve: (value: never) => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * A job's conversation with the engine: what it reports goes out with the thread's next batch; what it asks for (a permit, a
 * durable intent) comes back as a message and resolves here.
 */
export class Conversation implements Recorder {
  readonly job: Job;
  /** Notes that its job's code is about to go on: that is how a thread that hangs can tell whose code was running. */
  readonly mark: () => void;
  readonly #post: (message: FromThread) => void;
  readonly #scrubber: Scrubber;
  readonly #abort = new AbortController();
  /** By what is asked and the name that it has there. */
  readonly #asked = new Map<string, Waiting>();
  /** Until when effects may begin to happen, by key, ms of the machine's monotonic clock. */
  readonly #clearUntilMs = new Map<string, number>();
  #entered = 0;
  #called = 0;
  #found: () => readonly FindingInput[] = () => [];
  #isOver = false;

  constructor(
    job: Job,
    post: (message: FromThread) => void,
    options: {
      /** Takes secrets out of what is told. @default one that knows none */
      readonly scrubber?: Scrubber;
      /** See `mark`. @default nobody asks */
      readonly mark?: () => void;
    } = {},
  ) {
    const { scrubber = new Scrubber(), mark = () => {} } = options;
    this.job = job;
    this.mark = mark;
    this.#post = post;
    this.#scrubber = scrubber;
  }

  /** What a tool has answered, without the secrets of this process: no model is shown any. */
  shown(content: string): string {
    return this.#scrubber.known(content);
  }

  /** Aborts when the job is cancelled, with the EngineError that says why. */
  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  entry(kind: string, data: Readonly<Record<string, unknown>>, body?: string): void {
    this.#send({
      kind: 'entry',
      ref: this.job.ref,
      entry: { kind, data, ...(body !== undefined && { body }) },
    });
  }

  finding(finding: FindingInput): void {
    this.#send({ kind: 'finding', ref: this.job.ref, finding });
  }

  /** What its attempt has found so far, for people who are asked about an effect of it: they hear of it with the question. */
  tellsWhenAsking(found: () => readonly FindingInput[]): void {
    this.#found = found;
  }

  /** The call that was permitted leaves. */
  sent(): void {
    this.#send({ kind: 'sent', ref: this.job.ref });
  }

  turn(done: TurnDone): void {
    this.#send({ kind: 'turn', ref: this.job.ref, done });
  }

  /** Resolves when a model call may be made, with its place in the profile's chain. @throws BUDGET_EXCEEDED · BREAKER_OPEN · what the call that is not made again has failed with */
  permit(ask: PermitAsk): Promise<number> {
    return this.#ask('permit', { kind: 'permit', ref: this.job.ref, ...ask });
  }

  /** Resolves when a limited side allows one more call, with what tells of the call's end. */
  enter(side: string): Promise<() => void> {
    this.#entered += 1;
    const id = this.#entered;
    return this.#ask(`enter ${id}`, { kind: 'enter', ref: this.job.ref, id, side });
  }

  /** Calls a tool of an MCP server by the engine's process, which holds the sessions. @throws MCP_* · RESULT_UNCLONABLE · what the signal aborts with */
  mcp(call: RoutedCall, signal: AbortSignal): Promise<McpResult> {
    signal.throwIfAborted();
    const sent = { ...call, args: toJsonData(call.args) };
    this.#called += 1;
    const id = this.#called;
    const { ref } = this.job;
    const giveUp = (): void => {
      this.#send({ kind: 'mcp-cancel', ref, id });
      this.#refuse(`mcp ${id}`, signal.reason as EngineError);
    };
    signal.addEventListener('abort', giveUp, { once: true });
    return this.#ask<McpResult>(`mcp ${id}`, { kind: 'mcp', ref, id, call: sent }).finally(() =>
      signal.removeEventListener('abort', giveUp),
    );
  }

  /** @throws TOOL_INPUT_INVALID for an effect that would carry a secret of this process out, or whose arguments cannot be stored */
  begin(intent: Intent): Promise<EffectRecord | null> {
    if (this.#scrubber.data(intent.args) !== intent.args) throw carriesSecret(intent.tool);
    const args = toPlainData(intent.args ?? {});
    if (args === null) throw isNoData(intent.tool);
    if (intent.waits) for (const finding of this.#found()) this.finding(finding);
    const sent = { ...intent, args: toStorableJson(args) };
    return this.#ask(`begin ${intent.key}`, { kind: 'intent', ref: this.job.ref, intent: sent });
  }

  async end(key: string, state: EffectState, outcome: unknown): Promise<void> {
    await this.#end({ key, state, outcome });
  }

  isCleared(key: string): boolean {
    return Number(monotonicNs()) / 1e6 < (this.#clearUntilMs.get(key) ?? 0);
  }

  claim(key: string, approval: string): Promise<boolean> {
    return this.#end({ key, state: 'started', outcome: null, approval });
  }

  /** What the model has just said. */
  delta(text: string): void {
    this.#send({ kind: 'delta', ref: this.job.ref, text });
  }

  /** Says how the job ended; only the first call counts. */
  done(done: JobDone): void {
    this.#send({ kind: 'done', ref: this.job.ref, done });
    this.#isOver = true;
  }

  /** Takes an answer of the engine. */
  hear(message: Answer): void {
    switch (message.kind) {
      case 'granted':
        return this.#answer('permit', message.target ?? 0);
      case 'denied':
        return this.#refuse('permit', fromErrorData(message.error));
      case 'begun':
        this.#clear(message);
        return this.#answer(`begin ${message.key}`, message.known);
      case 'stopped':
        return this.#refuse(`end ${message.key}`, fromErrorData(message.error));
      case 'ended':
        this.#clear(message);
        return this.#answer(`end ${message.key}`, message.isLate !== true);
      case 'entered':
        return this.#letIn(message.id);
      case 'mcp-answered':
        return this.#answered(message);
      case 'cancel':
        return this.cancel(fromErrorData(message.error));
    }
  }

  /** Ends the job from outside: its signal aborts, what it waits for rejects. */
  cancel(error: EngineError): void {
    this.#abort.abort(error);
    for (const { reject } of this.#asked.values()) reject(error);
  }

  #clear({ key, clearUntilMs = 0 }: { readonly key: string; readonly clearUntilMs?: number }) {
    this.#clearUntilMs.set(key, clearUntilMs);
  }

  #letIn(id: number): void {
    this.#answer(`enter ${id}`, () => this.#send({ kind: 'leave', ref: this.job.ref, id }));
  }

  #answered({ id, answer }: Extract<Answer, { kind: 'mcp-answered' }>): void {
    if ('result' in answer) this.#answer(`mcp ${id}`, answer.result);
    else this.#refuse(`mcp ${id}`, fromErrorData(answer.error));
  }

  #end(end: Omit<Extract<FromThread, { kind: 'effected' }>, 'kind' | 'ref'>): Promise<boolean> {
    return this.#ask(`end ${end.key}`, { kind: 'effected', ref: this.job.ref, ...end });
  }

  /** Asks, and waits for the answer to what has this name. */
  async #ask<T>(name: string, message: FromThread): Promise<T> {
    this.signal.throwIfAborted();
    try {
      return await new Promise<T>((resolve, reject) => {
        this.#asked.set(name, { resolve, reject });
        this.#send(message);
      });
    } finally {
      this.mark();
    }
  }

  /** Whoever waits for no answer, or no longer, hears of none. */
  #answer(name: string, value: unknown): void {
    const waiting = this.#asked.get(name);
    this.#asked.delete(name);
    waiting?.resolve(value as never);
  }

  #refuse(name: string, error: EngineError): void {
    const waiting = this.#asked.get(name);
    this.#asked.delete(name);
    waiting?.reject(error);
  }

  #send(message: FromThread): void {
    if (!this.#isOver) this.#post(scrubbed(message, this.#scrubber));
  }
}

function carriesSecret(tool: string): EngineError {
  return new EngineError(
    'TOOL_INPUT_INVALID',
    `The arguments of '${tool}' hold a secret of this process's environment; name it there, and let the tool read it.`,
  );
}

function isNoData(tool: string): EngineError {
  return new EngineError(
    'TOOL_INPUT_INVALID',
    `The arguments of '${tool}' hold themselves, or are nested more than ${mostLevels} levels deep; pass plain data.`,
  );
}

/** What an MCP call's arguments may have: they are written for its server by the process that all share. */
const largestMcp: Largest = { bytes: 4_000_000, values: 20_000 };

/** Arguments as a server gets them. @throws RESULT_UNCLONABLE for what is no JSON, or too large: nothing has left then */
function toJsonData(args: RoutedCall['args']): RoutedCall['args'] {
  try {
    const json = JSON.stringify(args);
    const excess = excessOf(json, largestMcp);
    if (excess !== null) throw noMcpArgs(`What an MCP call passes ${excess}; pass less.`);
    if (!isDeeperJson(json)) return JSON.parse(json) as RoutedCall['args'];
  } catch (cause) {
    if (isEngineError(cause)) throw cause;
    throw noMcpArgs(`The arguments of an MCP call are no JSON: ${(cause as Error).message}.`);
  }
  throw noMcpArgs(
    `The arguments of an MCP call are nested more than ${mostLevels} levels deep; pass flatter ones.`,
  );
}

function noMcpArgs(message: string): EngineError {
  return new EngineError('RESULT_UNCLONABLE', message, { details: { sent: false } });
}
