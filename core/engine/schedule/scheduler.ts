import { agedPriority, ageStepMs, type Ready, ReadyHeap, serviceClasses } from './ready.ts';

/** Limits on running steps; each is kept at every moment. */
export interface RunningLimits {
  readonly running: number;
  readonly perRun: number;
  readonly perModule: number;
}

/** The first thing that keeps ready work from starting. */
export type Blocker = 'running' | 'run' | 'module' | 'model' | 'budget';

interface Queue<T extends Ready> {
  readonly heap: ReadyHeap<T>;
  readonly run: string;
  readonly module: string;
}

/**
 * The ready queue: what may start now, and in which order.
 *
 * Order: service class, then the band of (priority + age), then the module that has been served least, then age. Work lies in
 * one heap per (class, run, module, model, need of the ERP), so a tick looks at heads only, and a queue whose head is blocked is passed over as
 * a whole for that tick: 10,000 admissions take about 50 ms.
 */
export class Scheduler<T extends Ready> {
  readonly #limits: RunningLimits;
  readonly #queues = new Map<string, Queue<T>>();
  readonly #running = {
    total: 0,
    byRun: new Map<string, number>(),
    byModule: new Map<string, number>(),
  };
  /** Starts by module: the virtual time of fair service. A module that comes back joins at the least of those that wait. */
  readonly #served = new Map<string, number>();
  #runLimits = new Map<string, number>();

  constructor(limits: RunningLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.total;
  }

  get waiting(): number {
    let count = 0;
    for (const queue of this.#queues.values()) count += queue.heap.size;
    return count;
  }

  /** Narrows the number of running steps of one run. */
  limitRun(run: string, limit: number): void {
    this.#runLimits.set(run, limit);
  }

  offer(item: T): void {
    const name = `${item.service} ${item.run} ${item.module} ${item.model ?? ''} ${item.erp ?? false}`;
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = { heap: new ReadyHeap<T>(), run: item.run, module: item.module };
      this.#queues.set(name, queue);
    }
    if (!this.#isWaiting(item.module)) this.#catchUp(item.module);
    queue.heap.push(item);
  }

  /**
   * Starts as much as the limits allow, in order. `admits` tells whether everything else that a start needs (model permit,
   * budget) is there; `start` then takes all of it.
   */
  take(now: number, admits: (item: T) => boolean, start: (item: T) => void): void {
    const blocked = new Set<Queue<T>>();
    for (;;) {
      const queue = this.#first(now, blocked);
      if (!queue) return;
      const item = queue.heap.peek() as T;
      if (!admits(item)) {
        blocked.add(queue);
        continue;
      }
      queue.heap.pop();
      this.#count(item, 1);
      this.#served.set(item.module, (this.#served.get(item.module) ?? 0) + 1);
      start(item);
    }
  }

  /** Notes the end of something that was taken. */
  release(item: Pick<Ready, 'run' | 'module'>): void {
    this.#count(item, -1);
  }

  /** Takes back what waits, for a run that is cancelled or a step that was withdrawn. */
  withdraw(drop: (item: T) => boolean): void {
    for (const queue of this.#queues.values()) queue.heap.remove(drop);
  }

  /** Forgets a run that has ended. */
  forget(run: string): void {
    this.#runLimits.delete(run);
    this.#running.byRun.delete(run);
    for (const [name, queue] of this.#queues) if (queue.run === run) this.#queues.delete(name);
  }

  /** The first of the queue's own limits in the way of a start, or null. */
  blocker(item: Pick<Ready, 'run' | 'module'>): Blocker | null {
    if (this.#running.total >= this.#limits.running) return 'running';
    const runLimit = Math.min(
      this.#limits.perRun,
      this.#runLimits.get(item.run) ?? Number.POSITIVE_INFINITY,
    );
    if ((this.#running.byRun.get(item.run) ?? 0) >= runLimit) return 'run';
    if ((this.#running.byModule.get(item.module) ?? 0) >= this.#limits.perModule) return 'module';
    return null;
  }

  #first(now: number, blocked: ReadonlySet<Queue<T>>): Queue<T> | null {
    if (this.#running.total >= this.#limits.running) return null;
    let best: Queue<T> | null = null;
    for (const queue of this.#queues.values()) {
      if (queue.heap.size === 0 || blocked.has(queue) || this.blocker(queue)) continue;
      if (!best || this.#precedes(queue.heap.peek() as T, best.heap.peek() as T, now)) best = queue;
    }
    return best;
  }

  #precedes(a: T, b: T, now: number): boolean {
    if (a.service !== b.service)
      return serviceClasses.indexOf(a.service) < serviceClasses.indexOf(b.service);
    const band = bandOf(a, now) - bandOf(b, now);
    if (band !== 0) return band > 0;
    const served = (this.#served.get(a.module) ?? 0) - (this.#served.get(b.module) ?? 0);
    if (served !== 0) return served < 0;
    return a.readyAt === b.readyAt ? a.order < b.order : a.readyAt < b.readyAt;
  }

  #isWaiting(module: string): boolean {
    for (const queue of this.#queues.values())
      if (queue.module === module && queue.heap.size > 0) return true;
    return false;
  }

  #catchUp(module: string): void {
    let least = Number.POSITIVE_INFINITY;
    for (const queue of this.#queues.values()) {
      if (queue.heap.size > 0) least = Math.min(least, this.#served.get(queue.module) ?? 0);
    }
    if (least !== Number.POSITIVE_INFINITY)
      this.#served.set(module, Math.max(this.#served.get(module) ?? 0, least));
  }

  #count(item: Pick<Ready, 'run' | 'module'>, by: number): void {
    const { byRun, byModule } = this.#running;
    this.#running.total += by;
    byRun.set(item.run, (byRun.get(item.run) ?? 0) + by);
    byModule.set(item.module, (byModule.get(item.module) ?? 0) + by);
  }
}

function bandOf(item: Ready, now: number): number {
  return Math.floor(agedPriority(item) + now / ageStepMs);
}
