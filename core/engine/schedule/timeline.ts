import { Heap } from './heap.ts';

interface Due<T> {
  readonly at: number;
  readonly order: number;
  readonly what: T;
}

/** What will happen on a virtual clock, earliest first; what is due at the same moment comes in the order in which it was noted. */
export class Timeline<T> {
  readonly #due = new Heap<Due<T>>(before);
  #order = 0;

  /** The moment of the next thing, or null. */
  get nextAt(): number | null {
    return this.#due.peek()?.at ?? null;
  }

  push(at: number, what: T): void {
    this.#order += 1;
    this.#due.push({ at, order: this.#order, what });
  }

  pop(): T | undefined {
    return this.#due.pop()?.what;
  }
}

function before(a: Due<unknown>, b: Due<unknown>): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
