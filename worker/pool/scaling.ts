import type { Clock } from '../../core/base/clock.ts';
import type { LaneRange } from './lane-range.ts';

/** What is seen of a lane that stays. */
export interface ScaledLane {
  readonly isReady: boolean;
  /** Jobs on it. */
  readonly load: number;
  /** Counts up for as long as its thread yields. */
  readonly beat: number;
  /** What its thread had used of a core at the last beat, ms. */
  readonly cpuMs: number;
}

const lookEveryMs = 250;
/** Looks in a row that find too much: a burst that is over by then needs no thread. */
const busyLooks = 2;
/** Share of a core that lanes use, on average, from which there is one more. What waits for a core does not count: another would only wait, too. */
const busyShare = 0.6;
/** Jobs a lane from which there is one more, whatever they do: they share its heap, and its death. */
const busyJobs = 128;
/** What the lanes that would be left may have at the most, of what makes them too many, for one to go. */
const calmShare = 0.5;
/** How long so little has to be going on. */
const defaultIdleMs = 60_000;

/** Says how many lanes a pool is to have by what they do: one more at a time under load, one less after each time of calm. */
export class Scaling {
  readonly #range: LaneRange;
  readonly #clock: Clock;
  readonly #idleMs: number;
  readonly #lanes: () => Iterable<ScaledLane>;
  readonly #changed: () => void;
  #seen = new Map<ScaledLane, Pick<ScaledLane, 'beat' | 'cpuMs'>>();
  #lookedAt: number;
  #busyLooks = 0;
  #calmSince: number;
  #cancel: () => void = () => {};
  #wanted: number;

  /** `lanes`: those that stay; `changed`: another number is wanted. */
  constructor(options: {
    readonly range: LaneRange;
    readonly clock: Clock;
    /** How long little has to be going on until a lane goes, ms. @default 60,000 */
    readonly idleMs?: number | undefined;
    readonly lanes: () => Iterable<ScaledLane>;
    readonly changed: () => void;
  }) {
    const { range, clock, idleMs = defaultIdleMs, lanes, changed } = options;
    this.#range = range;
    this.#clock = clock;
    this.#idleMs = idleMs;
    this.#lanes = lanes;
    this.#changed = changed;
    this.#wanted = range.least;
    this.#lookedAt = clock.monotonic();
    this.#calmSince = this.#lookedAt;
  }

  /** How many lanes there are to be now. */
  get wanted(): number {
    return this.#wanted;
  }

  /** Begins to look; where there is nothing to decide it never does. */
  start(): void {
    if (this.#range.most > this.#range.least) this.#later();
  }

  stop(): void {
    this.#cancel();
  }

  #later(): void {
    this.#cancel = this.#clock.after(lookEveryMs, () => {
      this.#later();
      this.#look();
    });
  }

  #look(): void {
    const now = this.#clock.monotonic();
    const lanes = [...this.#lanes()];
    const busy = this.#busyOf(lanes, now - this.#lookedAt);
    this.#lookedAt = now;
    const jobs = lanes.reduce((sum, { load }) => sum + load, 0);
    // How many lanes would be fully used by it.
    const needed = Math.max(busy / busyShare, jobs / busyJobs);
    // One that is on its way may be enough.
    const isWhole = lanes.length === this.#wanted && lanes.every(({ isReady }) => isReady);
    this.#busyLooks = isWhole && needed > this.#wanted ? this.#busyLooks + 1 : 0;
    if (needed > (this.#wanted - 1) * calmShare) this.#calmSince = now;
    if (this.#busyLooks >= busyLooks && this.#wanted < this.#range.most)
      this.#turnTo(this.#wanted + 1, now);
    else if (now - this.#calmSince >= this.#idleMs && this.#wanted > this.#range.least)
      this.#turnTo(this.#wanted - 1, now);
  }

  #turnTo(wanted: number, now: number): void {
    this.#wanted = wanted;
    this.#busyLooks = 0;
    this.#calmSince = now;
    this.#changed();
  }

  /** Cores that lanes have used since the last look. One that has not beaten since then runs something that does not yield. */
  #busyOf(lanes: readonly ScaledLane[], passedMs: number): number {
    const before = this.#seen;
    this.#seen = new Map(lanes.map((lane) => [lane, { beat: lane.beat, cpuMs: lane.cpuMs }]));
    return lanes.reduce((sum, lane) => {
      const seen = before.get(lane);
      if (!seen || !lane.isReady) return sum;
      const usedMs = lane.beat === seen.beat ? passedMs : lane.cpuMs - seen.cpuMs;
      return sum + Math.min(1, usedMs / Math.max(1, passedMs));
    }, 0);
  }
}
