import type { Clock } from '../../base/clock.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { ModelDeadlines, Quota } from './model.ts';
import { readQuota } from './quota.ts';

// A reply of 128,000 tokens streams as about 30 MB of events; more than this is not a reply.
const maxReplyBytes = 40 * 1024 * 1024;
// A finished reply whose connection stays open is given this long to close, so that the socket can be used again.
const closingMs = 1_000;

/** The head of a response: all that a call may ever learn of why it failed. */
export interface ResponseHead {
  readonly status: number;
  readonly headers: Headers;
}

/**
 * Watches one call to a provider: four deadlines, the caller's signal and the size of the reply. Bytes count as life,
 * not events: the SDKs hide keep-alive comments and pings, which are all that a long thought sends.
 *
 * waiting → (connecting → connected) → heard → closing; each has its deadline, `totalMs` holds for all of them.
 */
export class CallWatch {
  readonly #controller = new AbortController();
  readonly #failed = Promise.withResolvers<never>();
  readonly #releasers: (() => void)[] = [];
  readonly #clock: Clock;
  #idleMs: number;
  #lastByteAt = 0;
  #bytes = 0;
  #failure: EngineError | undefined;
  #isCancelled = false;
  #head: ResponseHead | undefined;
  #cancelConnect: (() => void) | undefined;
  #cancelWait: (() => void) | undefined;
  readonly #connectMs: number;
  #onSent: (() => void) | undefined;

  constructor(
    options: ModelDeadlines & { readonly signal: AbortSignal; readonly onSent?: () => void },
    clock: Clock,
  ) {
    this.#clock = clock;
    this.#failed.promise.catch(() => undefined);
    const { firstByteMs = 60_000, totalMs = 300_000, signal } = options;
    this.#connectMs = options.connectMs ?? 10_000;
    this.#idleMs = options.idleMs ?? 60_000;
    this.#onSent = options.onSent;
    const abort = () => {
      this.#isCancelled = this.#failure === undefined;
      this.fail(toCancellation(signal.reason));
    };
    if (signal.aborted) abort();
    signal.addEventListener('abort', abort, { once: true });
    this.#releasers.push(() => signal.removeEventListener('abort', abort));
    this.#releasers.push(clock.after(totalMs, () => this.#expire('did not finish', totalMs)));
    this.#cancelWait = clock.after(firstByteMs, () => this.#expire('sent nothing', firstByteMs));
  }

  /** Goes to the SDK; aborted when the watch fails. */
  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** Why the call was given up; undefined while it was not. */
  get failure(): EngineError | undefined {
    return this.#failure;
  }

  /** Whether the caller gave the call up, and nothing else did before. */
  get isCancelled(): boolean {
    return this.#isCancelled;
  }

  /** The response's head; undefined while there is none. */
  get head(): ResponseHead | undefined {
    return this.#head;
  }

  /** What the response's headers say of the account's limits. */
  get quota(): Quota | undefined {
    return this.#head && readQuota(this.#head.headers, this.#clock.now());
  }

  /** Rejects as soon as the watch fails, whatever the SDK does with its signal. */
  get failed(): Promise<never> {
    return this.#failed.promise;
  }

  /** Gives the call up for `reason`; the first reason stays. */
  fail(reason: EngineError): void {
    if (this.#failure) return;
    this.#failure = reason;
    this.#controller.abort(reason);
    this.#failed.reject(reason);
  }

  /** The request waits for a connection. */
  connecting(): void {
    this.#cancelConnect?.();
    this.#cancelConnect = this.#clock.after(this.#connectMs, () =>
      this.#expire('could not be connected', this.#connectMs),
    );
  }

  /** The request has a connection, and leaves. */
  connected(): void {
    this.#cancelConnect?.();
    this.#cancelConnect = undefined;
    this.#onSent?.();
    this.#onSent = undefined;
  }

  /**
   * From the response's head on, silence is measured between chunks. The body of an error is worth no long wait: the head has told
   * what matters.
   */
  hear(head: ResponseHead, isError: boolean): void {
    this.connected();
    this.#head = head;
    this.#lastByteAt = this.#clock.monotonic();
    if (isError) this.close();
    else this.#waitIdle(this.#idleMs);
  }

  /** Counts a chunk of the body. */
  count(sizeBytes: number): void {
    this.#lastByteAt = this.#clock.monotonic();
    this.#bytes += sizeBytes;
    if (this.#bytes <= maxReplyBytes) return;
    this.fail(
      new EngineError(
        'MODEL_REPLY_INVALID',
        `The model's reply passed ${maxReplyBytes} bytes and was cut.`,
      ),
    );
  }

  /** The reply is whole: only the connection's end is awaited, and not for long. */
  close(): void {
    this.#idleMs = Math.min(this.#idleMs, closingMs);
    this.#waitIdle(this.#idleMs);
  }

  [Symbol.dispose](): void {
    this.#cancelConnect?.();
    this.#cancelWait?.();
    for (const release of this.#releasers.reverse()) release();
  }

  // One timer that looks back when it fires is cheaper than one timer per chunk.
  #waitIdle(delayMs: number): void {
    this.#cancelWait?.();
    this.#cancelWait = this.#clock.after(delayMs, () => {
      const silentMs = this.#clock.monotonic() - this.#lastByteAt;
      if (silentMs >= this.#idleMs) this.#expire('fell silent', this.#idleMs);
      else this.#waitIdle(this.#idleMs - silentMs);
    });
  }

  #expire(what: string, afterMs: number): void {
    this.fail(
      new EngineError('MODEL_UNAVAILABLE', `The model ${what} within ${afterMs} ms; try later.`, {
        details: { timeoutMs: afterMs },
      }),
    );
  }
}

/** What an aborted call throws: the signal's reason when it is one of our errors, else CANCELLED. */
export function toCancellation(reason: unknown): EngineError {
  return isEngineError(reason)
    ? reason
    : new EngineError('CANCELLED', 'The call to the model was cancelled.');
}
