import { once } from 'node:events';
import type { Response } from 'express';
import type { Clock } from '../../base/clock.ts';
import { toVisible } from '../../base/text.ts';

/** A line that carries nothing keeps proxies and clients from giving up on a quiet stream. */
const keepAliveMs = 15_000;
/** What a client waits before it connects again. */
const retryMs = 1_000;

/** One server-sent event. */
export interface ServerEvent {
  /** Comes back as `Last-Event-ID`. @default none: what was missed is not sent again */
  readonly id?: number;
  readonly name: string;
  /** Without line breaks: JSON has none. */
  readonly data: string;
}

/**
 * The server's side of one event stream.
 * @see https://html.spec.whatwg.org/multipage/server-sent-events.html
 */
export class EventStream {
  readonly #response: Response;
  readonly #signal: AbortSignal;
  readonly #stopKeepAlive: () => void;

  /** Sends the head. `signal` ends it from outside. */
  constructor(
    response: Response,
    options: { readonly signal: AbortSignal; readonly clock: Clock },
  ) {
    this.#response = response;
    this.#signal = options.signal;
    response.writeHead(200, {
      'content-type': 'text/event-stream; charset=utf-8',
      'cache-control': 'no-store, no-transform',
      // nginx would hold events back until a buffer is full
      'x-accel-buffering': 'no',
    });
    response.write(`retry: ${retryMs}\n\n`);
    this.#stopKeepAlive = every(options.clock, keepAliveMs, () => {
      if (!response.writableNeedDrain) response.write(': keep-alive\n\n');
    });
  }

  /** Sends events; resolves when the client has taken so many that there is room for more, or has gone. */
  async send(events: readonly ServerEvent[]): Promise<void> {
    if (events.length === 0 || this.#signal.aborted) return;
    const text = events.map(
      ({ id, name, data }) =>
        `${id === undefined ? '' : `id: ${id}\n`}event: ${name}\ndata: ${toVisible(data)}\n\n`,
    );
    if (this.#response.write(text.join(''))) return;
    await once(this.#response, 'drain', { signal: this.#signal }).catch(() => {});
  }

  end(): void {
    this.#stopKeepAlive();
    this.#response.end();
  }
}

/** Runs `work` again and again until the returned function is called. */
function every(clock: Clock, intervalMs: number, work: () => void): () => void {
  let cancel = clock.after(intervalMs, function tick() {
    work();
    cancel = clock.after(intervalMs, tick);
  });
  return () => cancel();
}

/** A signal that wakes a waiting loop, and is not lost when it comes while the loop works. */
export class Wake {
  #isPending = false;
  #resolve: () => void = () => {};

  readonly poke = (): void => {
    this.#isPending = true;
    this.#resolve();
  };

  /** Waits for the next poke, at most `timeoutMs`. */
  async next(clock: Clock, timeoutMs: number): Promise<void> {
    if (!this.#isPending) {
      await new Promise<void>((resolve) => {
        const cancel = clock.after(timeoutMs, resolve);
        this.#resolve = () => {
          cancel();
          resolve();
        };
      });
    }
    this.#isPending = false;
  }
}
