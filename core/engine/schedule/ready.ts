/** Which kind of work goes first, whatever its priority: a conversation under way, a person who waits, the night's batch. */
export type ServiceClass = 'follow_up' | 'interactive' | 'batch';
export const serviceClasses: readonly ServiceClass[] = ['follow_up', 'interactive', 'batch'];

/** Work that could start now. */
export interface Ready {
  readonly service: ServiceClass;
  readonly run: string;
  readonly module: string;
  /** The model that its start calls, or null: what needs no call must not wait behind what does. */
  readonly model: string | null;
  /** Whether it needs the ERP: what does not must not wait behind what does. @default false */
  readonly erp?: boolean;
  /** The higher goes first; 1 to 10, moved by up to 5 by that of its run. */
  readonly priority: number;
  readonly readyAt: number;
  /** Ties are broken by it, so that the same seed gives the same order. */
  readonly order: number;
}

/** Milliseconds after which waiting work counts as one priority step more. */
export const ageStepMs = 60_000;

/**
 * A key whose order never changes as time passes: priority plus age grows by the same amount for everybody, so
 * `priority − readyAt / step` sorts once and for all and ageing costs nothing.
 */
export function agedPriority(item: Pick<Ready, 'priority' | 'readyAt'>): number {
  return item.priority - item.readyAt / ageStepMs;
}

/** A binary heap: highest aged priority first, then the order of arrival. */
export class ReadyHeap<T extends Ready> {
  readonly #items: T[] = [];

  get size(): number {
    return this.#items.length;
  }

  peek(): T | undefined {
    return this.#items[0];
  }

  push(item: T): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!before(items[at] as T, items[parent] as T)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): T | undefined {
    const items = this.#items;
    const top = items[0];
    const last = items.pop();
    if (items.length > 0 && last) {
      items[0] = last;
      this.#sink(0);
    }
    return top;
  }

  /** Takes out everything that `drop` names. O(n). */
  remove(drop: (item: T) => boolean): void {
    const kept = this.#items.filter((item) => !drop(item));
    this.#items.length = 0;
    for (const item of kept) this.push(item);
  }

  values(): readonly T[] {
    return this.#items;
  }

  #sink(from: number): void {
    const items = this.#items;
    let at = from;
    for (;;) {
      const left = 2 * at + 1;
      let best = at;
      for (const child of [left, left + 1]) {
        if (child < items.length && before(items[child] as T, items[best] as T)) best = child;
      }
      if (best === at) return;
      this.#swap(at, best);
      at = best;
    }
  }

  #swap(a: number, b: number): void {
    const items = this.#items;
    [items[a], items[b]] = [items[b] as T, items[a] as T];
  }
}

function before(a: Ready, b: Ready): boolean {
  const difference = agedPriority(a) - agedPriority(b);
  return difference === 0 ? a.order < b.order : difference > 0;
}
