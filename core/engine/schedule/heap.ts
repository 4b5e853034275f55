/** A binary heap: the first by `before` is taken out first. */
export class Heap<T> {
  readonly #before: (a: T, b: T) => boolean;
  readonly #items: T[] = [];

  constructor(before: (a: T, b: T) => boolean) {
    this.#before = before;
  }

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(added: T): void {
    const items = this.#items;
    let hole = items.push(added) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = items[parent] as T;
      if (!this.#before(added, above)) break;
      items[hole] = above;
      hole = parent;
    }
    items[hole] = added;
  }

  pop(): T | undefined {
    const items = this.#items;
    const first = items[0];
    const last = items.pop();
    if (items.length > 0) this.#sink(last as T);
    return first;
  }

  /** All of it, in no order. */
  values(): readonly T[] {
    return this.#items;
  }

  #sink(moved: T): void {
    const items = this.#items;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= items.length) break;
      const right = child + 1;
      if (right < items.length && this.#before(items[right] as T, items[child] as T)) child = right;
      const next = items[child] as T;
      if (!this.#before(next, moved)) break;
      items[hole] = next;
      hole = child;
    }
    items[hole] = moved;
  }
}
