import type { Clock } from '../../../base/clock.ts';
import { EngineError } from '../../../base/errors.ts';
import { toCancellation } from '../call-watch.ts';

/** Bounds of one stream of lines. */
export interface LineBounds {
  readonly signal: AbortSignal;
  readonly clock: Clock;
  /** A longer line is not kept. @default 8000000, as for a reply that comes by itself: 128,000 tokens have about 1 MB, and their echo as much again */
  readonly maxLineBytes?: number;
  /** @default 4294967296 */
  readonly maxBytes?: number;
  /** Milliseconds between two chunks, while one is waited for. @default 60000 */
  readonly idleMs?: number;
}

const newline = 10;

/**
 * The lines of a JSONL body, one after the other, the last also without its newline; `undefined` stands for a line that is too long. No
 * more than one line is in memory. Stopping early gives the connection up.
 * @throws MODEL_UNAVAILABLE after silence, MODEL_REPLY_INVALID when the body is too long, the signal's reason when aborted;
 * what the connection throws, as it is
 */
export async function* readLines(
  body: ReadableStream<Uint8Array>,
  bounds: LineBounds,
): AsyncGenerator<string | undefined, void, undefined> {
  const { maxLineBytes = 8_000_000, maxBytes = 4 * 1024 ** 3 } = bounds;
  const held = new HeldLine(maxLineBytes);
  let total = 0;
  for await (const chunk of readChunks(body, bounds)) {
    total += chunk.byteLength;
    if (total > maxBytes) {
      throw new EngineError(
        'MODEL_REPLY_INVALID',
        `The results of a batch passed ${maxBytes} bytes and were cut.`,
      );
    }
    let from = 0;
    for (let end = chunk.indexOf(newline); end !== -1; end = chunk.indexOf(newline, from)) {
      held.add(chunk.subarray(from, end));
      yield held.take();
      from = end + 1;
    }
    held.add(chunk.subarray(from));
  }
  if (!held.isEmpty) yield held.take();
}

/** A line whose end has not come. */
class HeldLine {
  readonly #maxBytes: number;
  #chunks: Uint8Array[] = [];
  #bytes = 0;

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  get isEmpty(): boolean {
    return this.#bytes === 0;
  }

  add(chunk: Uint8Array): void {
    this.#bytes += chunk.byteLength;
    if (this.#bytes <= this.#maxBytes) this.#chunks.push(chunk);
    else this.#chunks = [];
  }

  take(): string | undefined {
    const line = this.#bytes <= this.#maxBytes ? Buffer.concat(this.#chunks).toString() : undefined;
    this.#chunks = [];
    this.#bytes = 0;
    return line;
  }
}

async function* readChunks(
  body: ReadableStream<Uint8Array>,
  bounds: LineBounds,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { signal } = bounds;
  const reader = body.getReader();
  try {
    while (true) {
      if (signal.aborted) throw toCancellation(signal.reason);
      const { value, done } = await readWithin(reader, bounds);
      if (done) return;
      yield value;
    }
  } finally {
    // What the connection says to being given up changes nothing any more.
    await reader.cancel().catch(() => undefined);
  }
}

// Only the wait for the provider is timed: whoever reads the lines may take as long as they like between two.
async function readWithin(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  { signal, clock, idleMs = 60_000 }: LineBounds,
): ReturnType<ReadableStreamDefaultReader<Uint8Array>['read']> {
  const given = Promise.withResolvers<never>();
  const abort = () => given.reject(toCancellation(signal.reason));
  const release = clock.after(idleMs, () =>
    given.reject(
      new EngineError(
        'MODEL_UNAVAILABLE',
        `The results of a batch fell silent for ${idleMs} ms; read them again.`,
        { details: { timeoutMs: idleMs } },
      ),
    ),
  );
  signal.addEventListener('abort', abort, { once: true });
  try {
    return await Promise.race([reader.read(), given.promise]);
  } finally {
    release();
    signal.removeEventListener('abort', abort);
  }
}
