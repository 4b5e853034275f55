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

/** Work in a heap. */
interface Placed<T> {
  readonly item: T;
  /** Its aged priority, as it would have been when the heap's first came in. */
  readonly rank: number;
}

/**
 * A binary heap: highest aged priority first, then the order of arrival. What lies in it moves alike (a line is of one run, and a run's
 * priority moves all of its steps), so a rank is worked out once, at the entrance.
 */
export class ReadyHeap<T extends Ready> {
  #placed: Placed<T>[] = [];

  get size(): number {
    return this.#placed.length;
  }

  peek(): T | undefined {
    return this.#placed[0]?.item;
  }

  push(item: T): void {
    const placed = this.#placed;
    const added = { item, rank: agedPriority(item) - this.#moved() };
    let hole = placed.push(added) - 1;
    while (hole > 0) {
      const parent = (hole - 1) >> 1;
      const above = placed[parent] as Placed<T>;
      if (!before(added, above)) break;
      placed[hole] = above;
      hole = parent;
    }
    placed[hole] = added;
  }

  pop(): T | undefined {
    const placed = this.#placed;
    const top = placed[0];
    const last = placed.pop();
    if (placed.length > 0 && last) this.#sink(last);
    return top?.item;
  }

  /** Takes out everything that `drop` names. O(n). */
  remove(drop: (item: T) => boolean): void {
    const kept = this.#placed.filter(({ item }) => !drop(item));
    if (kept.length === this.#placed.length) return;
    this.#placed = [];
    for (const { item } of kept) this.push(item);
  }

  values(): readonly T[] {
    return this.#placed.map(({ item }) => item);
  }

  /** By how much the priority of all that lies here has moved since it was ranked: whole steps, whatever the arithmetic of ages leaves. */
  #moved(): number {
    const [first] = this.#placed;
    return first ? Math.round(agedPriority(first.item) - first.rank) : 0;
  }

  #sink(moved: Placed<T>): void {
    const placed = this.#placed;
    let hole = 0;
    for (;;) {
      let child = 2 * hole + 1;
      if (child >= placed.length) break;
      const right = placed[child + 1];
      if (right && before(right, placed[child] as Placed<T>)) child += 1;
      const next = placed[child] as Placed<T>;
      if (!before(next, moved)) break;
      placed[hole] = next;
      hole = child;
    }
    placed[hole] = moved;
  }
}

function before(a: Placed<Ready>, b: Placed<Ready>): boolean {
  return a.rank === b.rank ? a.item.order < b.item.order : a.rank > b.rank;
}
