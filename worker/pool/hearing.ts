import { mostTogether } from './delivery.ts';

/**
 * What one thread has said to another, heard piece by piece, one at a turn of the event loop: what the first has led to, a flush of the journal above all, is on its way
 * while the rest is heard, and timers and sockets have their turn: 600 permits at once are seconds of a thread's work, and it has to beat meanwhile. Heard all at once, threads, main thread and database take turns instead of working side by side.
 */
export class Hearing<M> {
  readonly #hear: (batch: readonly M[]) => void;
  #waiting: M[] = [];
  #next: NodeJS.Immediate | null = null;

  constructor(hear: (batch: readonly M[]) => void) {
    this.#hear = hear;
  }

  /** Takes what was said, to be heard after all that was said before: some of it now, if nothing was heard in this turn yet. */
  add(batch: readonly M[]): void {
    for (const message of batch) this.#waiting.push(message);
    if (!this.#next) this.#hearSome();
  }

  /** Hears all that is left: nothing more will be said. */
  finish(): void {
    const left = this.#waiting;
    this.stop();
    if (left.length > 0) this.#hear(left);
  }

  /** Hears nothing more. */
  stop(): void {
    this.#waiting = [];
    if (this.#next) clearImmediate(this.#next);
    this.#next = null;
  }

  #hearSome(): void {
    try {
      this.#hear(this.#waiting.splice(0, mostTogether));
    } finally {
      this.#next = setImmediate(() => {
        this.#next = null;
        if (this.#waiting.length > 0) this.#hearSome();
      });
    }
  }
}
