import { Heap } from './heap.ts';
import { agedPriority, ageStepMs, type Ready, type ReadyHeap, serviceClasses } from './ready.ts';

/** Work that needs the same, in its order. */
export interface Queue<T extends Ready> {
  readonly heap: ReadyHeap<T>;
  readonly run: string;
  readonly module: string;
}

interface Head<T extends Ready> {
  readonly queue: Queue<T>;
  readonly item: T;
  readonly service: number;
  readonly band: number;
  readonly served: number;
}

/** What heads are ordered by. */
type Ranked = Omit<Head<Ready>, 'queue'>;

/**
 * The first of every queue, best first, for one tick. A start lets its module come later, which its other heads are told when
 * they come up: what they were ranked by can only have become worse, so no head is passed over. O(log queues) a head.
 */
export class Heads<T extends Ready> {
  readonly #heap = new Heap<Head<T>>(precedes);
  readonly #now: number;
  readonly #served: ReadonlyMap<string, number>;

  constructor(now: number, served: ReadonlyMap<string, number>) {
    this.#now = now;
    this.#served = served;
  }

  /** Ranks a queue by its first, if it has one. */
  add(queue: Queue<T>): void {
    const item = queue.heap.peek();
    if (!item) return;
    const band = Math.floor(agedPriority(item) + this.#now / ageStepMs);
    const service = serviceClasses.indexOf(item.service);
    this.#heap.push({ queue, item, service, band, served: this.#servedOf(queue) });
  }

  /** Takes out the queue whose first goes next. */
  pop(): Queue<T> | null {
    for (;;) {
      const head = this.#heap.pop();
      if (!head) return null;
      if (head.item === head.queue.heap.peek() && head.served === this.#servedOf(head.queue))
        return head.queue;
      this.add(head.queue);
    }
  }

  #servedOf({ module }: Queue<T>): number {
    return this.#served.get(module) ?? 0;
  }
}

function precedes(a: Ranked, b: Ranked): boolean {
  if (a.service !== b.service) return a.service < b.service;
  if (a.band !== b.band) return a.band > b.band;
  if (a.served !== b.served) return a.served < b.served;
  const [one, other] = [a.item, b.item];
  return one.readyAt === other.readyAt ? one.order < other.order : one.readyAt < other.readyAt;
}
