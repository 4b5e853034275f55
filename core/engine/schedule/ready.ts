import { Heap } from './heap.ts';

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
 * A heap of work: highest aged priority first, then the order of arrival. What lies in it moves alike (a line is of one run, and a run's
 * priority moves all of its steps), so a rank is worked out once, at the entrance.
 */
export class ReadyHeap<T extends Ready> {
  #placed = new Heap<Placed<T>>(before);

  get size(): number {
    return this.#placed.size;
  }

  peek(): T | undefined {
    return this.#placed.peek()?.item;
  }

  push(item: T): void {
    this.#placed.push({ item, rank: agedPriority(item) - this.#moved() });
  }

  pop(): T | undefined {
    return this.#placed.pop()?.item;
  }

  /** Takes out everything that `drop` names. O(n). */
  remove(drop: (item: T) => boolean): void {
    const kept = this.values().filter((item) => !drop(item));
    if (kept.length === this.size) return;
    this.#placed = new Heap<Placed<T>>(before);
    for (const item of kept) this.push(item);
  }

  values(): readonly T[] {
    return this.#placed.values().map(({ item }) => item);
  }

  /** By how much the priority of all that lies here has moved since it was ranked: whole steps, whatever the arithmetic of ages leaves. */
  #moved(): number {
    const first = this.#placed.peek();
    return first ? Math.round(agedPriority(first.item) - first.rank) : 0;
  }
}

function before(a: Placed<Ready>, b: Placed<Ready>): boolean {
  return a.rank === b.rank ? a.item.order < b.item.order : a.rank > b.rank;
}
