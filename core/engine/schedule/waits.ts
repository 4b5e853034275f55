import type { LimitWait, Obstacle } from './expected-work.ts';
import { goesBefore } from './line.ts';
import type { Ready } from './ready.ts';
import type { Scheduler } from './scheduler.ts';

/** Work that waits in one line, and what it waits for. */
export interface Line<T> {
  readonly run: string;
  readonly module: string;
  readonly items: Set<T>;
  /** What refused its first at the last look, when a slot was there. */
  refused: Obstacle | null;
  /** Until then only time can lift that for its first, `refusedFirst`. */
  refusedUntil: number;
  refusedFirst: T | null;
  tally: Tally | null;
}

interface Tally {
  readonly kind: string;
  readonly name: string;
  stepMs: number;
}

/**
 * Adds up what ready work waits for, in step-milliseconds by limit. All of a line waits for what its first waits for, so a look
 * costs one question a line, however many stand in it.
 */
export class Waits<T extends Ready> {
  readonly #lines = new Map<string, Line<T>>();
  /** Those in which something waits. */
  readonly #waiting = new Set<Line<T>>();
  readonly #tallies = new Map<string, Map<string, Tally>>();
  readonly #scheduler: Scheduler<T>;
  #at: number;

  constructor(scheduler: Scheduler<T>, at: number) {
    this.#scheduler = scheduler;
    this.#at = at;
  }

  line(name: string, { run, module }: Pick<Ready, 'run' | 'module'>): Line<T> {
    let line = this.#lines.get(name);
    if (!line) {
      line = {
        run,
        module,
        items: new Set(),
        refused: null,
        refusedUntil: 0,
        refusedFirst: null,
        tally: null,
      };
      this.#lines.set(name, line);
    }
    return line;
  }

  enter(line: Line<T>, item: T): void {
    line.items.add(item);
    this.#waiting.add(line);
    // It may need less than the one that was refused.
    if (line.refusedFirst && goesBefore(item, line.refusedFirst)) line.refusedUntil = 0;
  }

  leave(line: Line<T>, item: T): void {
    line.items.delete(item);
    if (line.items.size === 0) this.#waiting.delete(line);
  }

  /** When something of a line might start next as far as is known: `at` for now, null when nothing waits but for slots. */
  nextLook(at: number): number | null {
    let next = Number.POSITIVE_INFINITY;
    for (const line of this.#waiting) {
      if (line.refusedUntil >= next || this.#scheduler.blocker(line)) continue;
      if (line.refusedUntil <= at) return at;
      next = line.refusedUntil;
    }
    return Number.isFinite(next) ? next : null;
  }

  /** Time passes until `at`. */
  advance(at: number): void {
    const passedMs = at - this.#at;
    this.#at = at;
    for (const { items, tally } of this.#waiting) if (tally) tally.stepMs += items.size * passedMs;
  }

  /** Notes what every line waits for from now on; all that could start has started. */
  judge(): void {
    for (const line of this.#waiting) {
      const slot = this.#scheduler.blocker(line);
      if (slot === 'running') line.tally = this.#tally(slot, 'engine');
      else if (slot) line.tally = this.#tally(slot, slot === 'run' ? line.run : line.module);
      else if (line.refused) line.tally = this.#tally(line.refused.kind, line.refused.name);
    }
  }

  /** What was waited for, the longest first. */
  totals(): readonly LimitWait[] {
    const tallies = [...this.#tallies.values()].flatMap((byName) => [...byName.values()]);
    const waited = tallies.filter(({ stepMs }) => stepMs > 0);
    const totalMs = waited.reduce((sum, { stepMs }) => sum + stepMs, 0);
    return waited
      .map((tally) => ({ ...tally, share: tally.stepMs / totalMs }))
      .sort((a, b) => b.stepMs - a.stepMs || compare(a, b));
  }

  #tally(kind: string, name: string): Tally {
    let byName = this.#tallies.get(kind);
    if (!byName) {
      byName = new Map();
      this.#tallies.set(kind, byName);
    }
    let tally = byName.get(name);
    if (!tally) {
      tally = { kind, name, stepMs: 0 };
      byName.set(name, tally);
    }
    return tally;
  }
}

function compare(a: LimitWait, b: LimitWait): number {
  return `${a.kind} ${a.name}` < `${b.kind} ${b.name}` ? -1 : 1;
}
