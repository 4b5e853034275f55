import { AsyncLocalStorage } from 'node:async_hooks';
import type { Clock } from '../../base/clock.ts';
import { EngineError, isEngineError } from '../../base/errors.ts';
import type { ModelDeadlines } from './model.ts';

// A reply of 128,000 tokens streams as about 30 MB of events; more than this is not a reply.
const maxReplyBytes = 64 * 1024 * 1024;
// A finished reply whose connection stays open is given this long to close, so that the socket can be used again.
const closingMs = 1_000;

/**
 * Watches one call to a provider: three deadlines, the caller's signal and the size of the reply. Bytes count as life,
 * not events: the SDKs hide keep-alive comments and pings, which are all that a long thought sends.
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
  #cancelWait: (() => void) | undefined;

  constructor(options: ModelDeadlines & { readonly signal: AbortSignal }, clock: Clock) {
    this.#clock = clock;
    this.#failed.promise.catch(() => undefined);
    const { firstByteMs = 60_000, totalMs = 300_000, signal } = options;
    this.#idleMs = options.idleMs ?? 60_000;
    const abort = () => this.fail(toCancellation(signal.reason));
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

  /** From the response's head on, silence is measured between chunks. */
  start(): void {
    this.#lastByteAt = this.#clock.monotonic();
    this.#waitIdle(this.#idleMs);
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

const watches = new AsyncLocalStorage<CallWatch>();

/** Runs `work` so that the requests it makes through `watchedFetch` report to `watch`; gives up as soon as it fails. */
export async function runWatched<T>(watch: CallWatch, work: () => Promise<T>): Promise<T> {
  const working = watches.run(watch, work);
  working.catch(() => undefined);
  return await Promise.race([working, watch.failed]);
}

/**
 * `fetch` for the provider SDKs: reports each chunk of the body to the call's watch. It follows no redirect: a key
 * in a header of its own would go along to the other host.
 */
export const watchedFetch: typeof fetch = async (input, init) => {
  const watch = watches.getStore();
  const response = await fetch(input, { ...init, redirect: 'error' });
  if (!watch || !response.body) return response;
  watch.start();
  const counted = response.body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller) {
        watch.count(chunk.byteLength);
        controller.enqueue(chunk);
      },
    }),
  );
  return new Response(counted, {
    status: response.status,
    statusText: response.statusText,
    headers: response.headers,
  });
};
