import { Heads, type Queue } from './heads.ts';
import { lineOf } from './line.ts';
import { type Ready, ReadyHeap } from './ready.ts';

/** Limits on running steps; each is kept at every moment. */
export interface RunningLimits {
  readonly running: number;
  readonly perRun: number;
  readonly perModule: number;
}

/** The first thing that keeps ready work from starting. */
export type Blocker = 'running' | 'run' | 'module' | 'model' | 'budget';

/**
 * The ready queue: what may start now, and in which order.
 *
 * Order: service class, then the band of (priority + age), then the module that has been served least, then age. Work lies in
 * one heap per line (see line.ts), so a tick looks at heads only, and a queue whose head is blocked is passed over as
 * a whole for that tick. A tick costs O(queues), a start O(log queues).
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
  readonly #runLimits = new Map<string, number>();
  /** What was offered and is held aside until it is sifted out. */
  readonly #held = new Set<T>();
  #isHeld: (item: T) => boolean = () => false;
  /** Whether something was offered or given back since the heads were ranked. */
  #hasChanged = false;

  constructor(limits: RunningLimits) {
    this.#limits = limits;
  }

  get running(): number {
    return this.#running.total;
  }

  /** What it keeps, for whoever looks ahead. */
  get limits(): RunningLimits {
    return this.#limits;
  }

  /** Runs with narrower limits of their own. */
  get runLimits(): ReadonlyMap<string, number> {
    return this.#runLimits;
  }

  /** Starts by module, as fair service counts them. */
  get served(): ReadonlyMap<string, number> {
    return this.#served;
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

  /** Sets what stays aside, in nobody's way, although it is offered. */
  hold(isHeld: (item: T) => boolean): void {
    this.#isHeld = isHeld;
  }

  /** Puts aside what has to stay there from now on; returns what need not any longer and is to be offered again. */
  sift(): readonly T[] {
    const free = [...this.#held].filter((item) => !this.#isHeld(item));
    for (const item of free) this.#held.delete(item);
    const held = new Set([...this.values()].filter((item) => this.#isHeld(item)));
    if (held.size > 0) this.withdraw((item) => held.has(item));
    for (const item of held) this.#held.add(item);
    return free;
  }

  /** What is held aside. */
  get held(): Iterable<T> {
    return this.#held;
  }

  offer(item: T): void {
    if (this.#isHeld(item)) {
      this.#held.add(item);
      return;
    }
    const name = lineOf(item);
    let queue = this.#queues.get(name);
    if (!queue) {
      queue = { heap: new ReadyHeap<T>(), run: item.run, module: item.module };
      this.#queues.set(name, queue);
    }
    if (!this.#isWaiting(item.module)) this.#catchUp(item.module);
    queue.heap.push(item);
    this.#hasChanged = true;
  }

  /**
   * Starts as much as the limits allow, in order. `admits` tells whether everything else that a start needs (model permit,
   * budget) is there; `start` then takes all of it.
   */
  take(now: number, admits: (item: T) => boolean, start: (item: T) => void): void {
    const refused = new Map<Queue<T>, T>();
    let heads = this.#rank(now, refused);
    while (this.#running.total < this.#limits.running) {
      const queue = heads.pop();
      if (!queue) return;
      if (this.blocker(queue)) continue;
      const item = queue.heap.peek() as T;
      if (!admits(item)) {
        refused.set(queue, item);
        continue;
      }
      queue.heap.pop();
      this.#count(item, 1);
      this.#served.set(item.module, (this.#served.get(item.module) ?? 0) + 1);
      start(item);
      if (this.#hasChanged) heads = this.#rank(now, refused);
      else heads.add(queue);
    }
  }

  /** Goes on from starts that another scheduler has counted. */
  countServed(served: ReadonlyMap<string, number>): void {
    for (const [module, starts] of served) this.#served.set(module, starts);
    this.#hasChanged = true;
  }

  /** Notes the end of something that was taken. */
  release(item: Pick<Ready, 'run' | 'module'>): void {
    this.#count(item, -1);
    this.#hasChanged = true;
  }

  /** Takes back what waits, for a run that is cancelled or a step that was withdrawn. */
  withdraw(drop: (item: T) => boolean): void {
    for (const queue of this.#queues.values()) queue.heap.remove(drop);
    for (const item of this.#held) if (drop(item)) this.#held.delete(item);
    this.#hasChanged = true;
  }

  /** Forgets a run that has ended. */
  forget(run: string): void {
    this.#runLimits.delete(run);
    this.#running.byRun.delete(run);
    for (const [name, queue] of this.#queues) if (queue.run === run) this.#queues.delete(name);
    for (const item of this.#held) if (item.run === run) this.#held.delete(item);
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

  /** Every slot that is not there for an item, for people; `blocker` says the first. */
  blockers(item: Pick<Ready, 'run' | 'module'>): readonly Blocker[] {
    const { total, byRun, byModule } = this.#running;
    const { running, perRun, perModule } = this.#limits;
    const runLimit = Math.min(perRun, this.#runLimits.get(item.run) ?? Number.POSITIVE_INFINITY);
    const found: Blocker[] = [];
    if (total >= running) found.push('running');
    if ((byRun.get(item.run) ?? 0) >= runLimit) found.push('run');
    if ((byModule.get(item.module) ?? 0) >= perModule) found.push('module');
    return found;
  }

  /** Everything that waits, in no order. */
  *values(): Iterable<T> {
    for (const { heap } of this.#queues.values()) yield* heap.values();
  }

  #rank(now: number, refused: ReadonlyMap<Queue<T>, T>): Heads<T> {
    this.#hasChanged = false;
    const heads = new Heads<T>(now, this.#served);
    if (this.#running.total >= this.#limits.running) return heads;
    for (const queue of this.#queues.values())
      if (queue.heap.peek() !== refused.get(queue) && !this.blocker(queue)) heads.add(queue);
    return heads;
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
