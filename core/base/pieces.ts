import type { Clock } from './clock.ts';

/** Long work of this thread that yields where something else may go on. */
export type Pieces<T> = Generator<void, T, void>;

/** So many small steps are a piece: a few milliseconds of a slow core. Counted and not timed, so the same work has the same pieces. */
const stepsPerPiece = 500;
/** Work of less than this, milliseconds, only lets others go first; of what takes longer each piece waits so many times as long as it took. */
const shortMs = 50;
const restTimes = 4;

/** Counts the steps of long work: `if (pace.isDue()) yield;` */
export class Pace {
  #steps = 0;
  #pieces = 0;

  /** Whether anything else may have happened since the work began. */
  get hasPaused(): boolean {
    return this.#pieces > 0;
  }

  /** Counts one step; true: a piece is full. */
  isDue(): boolean {
    this.#steps += 1;
    if (this.#steps < stepsPerPiece) return false;
    this.#steps = 0;
    this.#pieces += 1;
    return true;
  }
}

/** Does long work all at once, where nobody waits meanwhile. */
export function atOnce<T>(work: Pieces<T>): T {
  for (;;) {
    const { done, value } = work.next();
    if (done) return value;
  }
}

/**
 * Does long work piece by piece, the first one before it returns; in between everything that is due in this thread happens.
 * Resolves with what came of it, how many pieces it was, and how long they took, milliseconds.
 */
export async function inPieces<T>(
  work: Pieces<T>,
  clock: Pick<Clock, 'monotonic' | 'after'>,
): Promise<{ readonly result: T; readonly pieces: number; readonly tookMs: number }> {
  let tookMs = 0;
  for (let pieces = 1; ; pieces += 1) {
    const begunAt = clock.monotonic();
    const { done, value } = work.next();
    const pieceMs = clock.monotonic() - begunAt;
    tookMs += pieceMs;
    if (done) return { result: value, pieces, tookMs };
    await new Promise<void>((resolve) => {
      if (tookMs < shortMs) setImmediate(resolve);
      else clock.after(pieceMs * restTimes, resolve);
    });
  }
}
