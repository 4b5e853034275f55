import type { IncomingMessage } from 'node:http';
import { EngineError } from '../../base/errors.ts';

/** What a post may hold. */
export const largestPostBytes = 262_144;
/** What is held of all posts that are not there whole. */
const usualBytes = 64 * 1_048_576;
const busySeconds = 1;

/** A body on its way. */
interface Reading {
  readonly chunks: Buffer[];
  bytes: number;
  readonly refuse: (error: EngineError) => void;
}

/**
 * Reads the bodies of posts, all of them within a bound of memory. Only what has come counts, and where that is too much the one that
 * has been on its way for the longest is told to come again: whoever sends slowly, or nothing, keeps out nobody who sends.
 */
export class Bodies {
  readonly #most: number;
  // In the order in which they began.
  readonly #reading = new Set<Reading>();
  #bytes = 0;

  constructor({ most = usualBytes }: { readonly most?: number } = {}) {
    this.#most = most;
  }

  /**
   * The bytes of a post, as they were sent. Its connection stays: whoever is refused is to read why.
   * @throws BODY_TOO_LARGE · RATE_LIMITED · INPUT_INVALID when its sender has gone
   */
  async read(request: IncomingMessage): Promise<Buffer> {
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const reading: Reading = { chunks: [], bytes: 0, refuse: reject };
    const take = (chunk: Buffer): void => this.#take(reading, chunk);
    const end = (): void => resolve(Buffer.concat(reading.chunks));
    // Nobody is there to read this, and it is no failure of ours: else anybody could fill the log.
    const leave = (cause?: unknown): void =>
      reject(new EngineError('INPUT_INVALID', 'The post was cut off before its end.', { cause }));
    this.#reading.add(reading);
    request.on('data', take).on('end', end).on('error', leave).on('close', leave);
    if (request.destroyed) leave();
    try {
      return await promise;
    } finally {
      request.off('data', take).off('end', end).off('error', leave).off('close', leave);
      request.resume();
      this.#release(reading);
    }
  }

  #take(reading: Reading, chunk: Buffer): void {
    if (!this.#reading.has(reading)) return;
    reading.bytes += chunk.length;
    this.#bytes += chunk.length;
    if (reading.bytes > largestPostBytes) return reading.refuse(tooLarge());
    reading.chunks.push(chunk);
    for (const longest of this.#reading) {
      if (this.#bytes <= this.#most) return;
      this.#release(longest);
      longest.refuse(tooMuch());
    }
  }

  #release(reading: Reading): void {
    if (!this.#reading.delete(reading)) return;
    this.#bytes -= reading.bytes;
    reading.chunks.length = 0;
  }
}

function tooMuch(): EngineError {
  return new EngineError(
    'RATE_LIMITED',
    'More is being posted than is taken in at once; send this again in a second.',
    { details: { retryAfterSeconds: busySeconds } },
  );
}

/** What whoever posts too much is told. */
export function tooLarge(): EngineError {
  return new EngineError(
    'BODY_TOO_LARGE',
    `A post may have ${largestPostBytes} bytes; send less, or the events one by one.`,
  );
}
