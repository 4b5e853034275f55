interface Due<T> {
  readonly at: number;
  readonly order: number;
  readonly what: T;
}

/** What will happen on a virtual clock, earliest first; what is due at the same moment comes in the order in which it was noted. */
export class Timeline<T> {
  readonly #due: Due<T>[] = [];
  #order = 0;

  /** The moment of the next thing, or null. */
  get nextAt(): number | null {
    return this.#due[0]?.at ?? null;
  }

  push(at: number, what: T): void {
    this.#order += 1;
    const due = this.#due;
    const added = { at, order: this.#order, what };
    let hole = due.push(added) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = due[parent] as Due<T>;
      if (!before(added, above)) break;
      due[hole] = above;
      hole = parent;
    }
    due[hole] = added;
  }

  pop(): T | undefined {
    const due = this.#due;
    const first = due[0];
    const last = due.pop();
    if (last && due.length > 0) this.#sink(last);
    return first?.what;
  }

  #sink(moved: Due<T>): void {
    const due = this.#due;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= due.length) break;
      const right = due[child + 1];
      if (right && before(right, due[child] as Due<T>)) child += 1;
      const next = due[child] as Due<T>;
      if (!before(next, moved)) break;
      due[hole] = next;
      hole = child;
    }
    due[hole] = moved;
  }
}

function before(a: Due<unknown>, b: Due<unknown>): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
