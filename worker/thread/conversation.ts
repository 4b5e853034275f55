import { EngineError, fromErrorData } from '../../core/base/errors.ts';
import { monotonicNs } from '../../core/base/lease-clock.ts';
import { isDeeperJson, mostLevels } from '../../core/base/nesting.ts';
import { toPlainData } from '../../core/base/plain-data.ts';
import { Scrubber } from '../../core/base/telemetry/scrub.ts';
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

interface Waiting<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: EngineError) => void;
}

/**
 * A job's conversation with the engine: what it reports goes out with the thread's next batch; what it asks for (a permit, a
 * durable intent) comes back as a message and resolves here.
 */
export class Conversation implements Recorder {
  readonly job: Job;
  readonly #post: (message: FromThread) => void;
  readonly #scrubber: Scrubber;
  readonly #abort = new AbortController();
  readonly #begun = new Map<string, Waiting<EffectRecord | null>>();
  readonly #ended = new Map<string, Waiting<boolean>>();
  readonly #entering = new Map<number, Waiting<() => void>>();
  readonly #calling = new Map<number, Waiting<McpResult>>();
  /** Until when effects may begin to happen, by key, ms of the machine's monotonic clock. */
  readonly #clearUntilMs = new Map<string, number>();
  #entered = 0;
  #called = 0;
  #permit: Waiting<number> | null = null;
  #found: () => readonly FindingInput[] = () => [];
  #isOver = false;

  /** `scrubber`: takes secrets out of what is told. @default one that knows none */
  constructor(job: Job, post: (message: FromThread) => void, scrubber = new Scrubber()) {
    this.job = job;
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
    return this.#ask((waiting) => {
      this.#permit = waiting;
      this.#send({ kind: 'permit', ref: this.job.ref, ...ask });
    });
  }

  /** Resolves when a limited side allows one more call, with what tells of the call's end. */
  enter(side: string): Promise<() => void> {
    this.#entered += 1;
    const id = this.#entered;
    return this.#ask((waiting) => {
      this.#entering.set(id, waiting);
      this.#send({ kind: 'enter', ref: this.job.ref, id, side });
    });
  }

  /** Calls a tool of an MCP server by the engine's process, which holds the sessions. @throws MCP_* · RESULT_UNCLONABLE · what the signal aborts with */
  mcp(call: RoutedCall, signal: AbortSignal): Promise<McpResult> {
    signal.throwIfAborted();
    const sent = { ...call, args: toJsonData(call.args) };
    this.#called += 1;
    const id = this.#called;
    const { ref } = this.job;
    const over = new AbortController();
    return this.#ask<McpResult>((waiting) => {
      this.#calling.set(id, waiting);
      this.#send({ kind: 'mcp', ref, id, call: sent });
      const giveUp = (): void => {
        this.#send({ kind: 'mcp-cancel', ref, id });
        waiting.reject(signal.reason as EngineError);
      };
      signal.addEventListener('abort', giveUp, { once: true, signal: over.signal });
    }).finally(() => {
      over.abort();
      this.#calling.delete(id);
    });
  }

  /** @throws TOOL_INPUT_INVALID for an effect that would carry a secret of this process out, or whose arguments cannot be stored */
  begin(intent: Intent): Promise<EffectRecord | null> {
    if (this.#scrubber.data(intent.args) !== intent.args) throw carriesSecret(intent.tool);
    if (toPlainData(intent.args ?? {}) === null) throw isNoData(intent.tool);
    if (intent.waits) for (const finding of this.#found()) this.finding(finding);
    return this.#ask((waiting) => {
      this.#begun.set(intent.key, waiting);
      this.#send({ kind: 'intent', ref: this.job.ref, intent });
    });
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
        return this.#permit?.resolve(message.target ?? 0);
      case 'denied':
        return this.#permit?.reject(fromErrorData(message.error));
      case 'begun':
        this.#clear(message);
        return answer(this.#begun, message.key, message.known);
      case 'stopped':
        this.#ended.get(message.key)?.reject(fromErrorData(message.error));
        this.#ended.delete(message.key);
        return;
      case 'ended':
        this.#clear(message);
        return answer(this.#ended, message.key, message.isLate !== true);
      case 'entered':
        return this.#enter(message.id);
      case 'mcp-answered':
        return this.#answered(message);
      case 'cancel':
        return this.cancel(fromErrorData(message.error));
    }
  }

  /** Ends the job from outside: its signal aborts, what it waits for rejects. */
  cancel(error: EngineError): void {
    this.#abort.abort(error);
    this.#permit?.reject(error);
    for (const asked of [this.#begun, this.#ended, this.#entering, this.#calling])
      for (const waiting of asked.values()) waiting.reject(error);
  }

  #clear({ key, clearUntilMs = 0 }: { readonly key: string; readonly clearUntilMs?: number }) {
    this.#clearUntilMs.set(key, clearUntilMs);
  }

  #enter(id: number): void {
    const waiting = this.#entering.get(id);
    this.#entering.delete(id);
    waiting?.resolve(() => this.#send({ kind: 'leave', ref: this.job.ref, id }));
  }

  #answered({ id, answer }: Extract<Answer, { kind: 'mcp-answered' }>): void {
    const waiting = this.#calling.get(id);
    if ('result' in answer) waiting?.resolve(answer.result);
    else waiting?.reject(fromErrorData(answer.error));
  }

  #end(end: Omit<Extract<FromThread, { kind: 'effected' }>, 'kind' | 'ref'>): Promise<boolean> {
    return this.#ask((waiting) => {
      this.#ended.set(end.key, waiting);
      this.#send({ kind: 'effected', ref: this.job.ref, ...end });
    });
  }

  #ask<T>(send: (waiting: Waiting<T>) => void): Promise<T> {
    this.signal.throwIfAborted();
    return new Promise<T>((resolve, reject) => send({ resolve, reject }));
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

function answer<T>(asked: Map<string, Waiting<T>>, key: string, value: T): void {
  const waiting = asked.get(key);
  asked.delete(key);
  waiting?.resolve(value);
}

/** Arguments as a server gets them. @throws RESULT_UNCLONABLE for what is no JSON */
function toJsonData(args: RoutedCall['args']): RoutedCall['args'] {
  try {
    const json = JSON.stringify(args);
    if (!isDeeperJson(json)) return JSON.parse(json) as RoutedCall['args'];
  } catch (cause) {
    const message = `The arguments of an MCP call are no JSON: ${(cause as Error).message}.`;
    throw new EngineError('RESULT_UNCLONABLE', message, { cause });
  }
  const message = `The arguments of an MCP call are nested more than ${mostLevels} levels deep; pass flatter ones.`;
  throw new EngineError('RESULT_UNCLONABLE', message);
}
