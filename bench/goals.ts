import type { Case, Sample, Who } from './measure.ts';
import { median, quantile } from './stats.ts';

/** A goal with what was measured. */
export interface Goal {
  readonly id: string;
  readonly what: string;
  readonly limit: string;
  readonly measured: number;
  readonly floor: number | null;
  /** The one as a multiple of the other. */
  readonly overFloor: number | null;
  readonly passed: boolean;
}

/** The figures of all rounds, by who and case. */
export class Figures {
  readonly #samples: readonly Sample[];
  readonly #ideals: Readonly<Record<string, number>>;

  /** `ideals`: critical path by case, ms. */
  constructor(samples: readonly Sample[], ideals: Readonly<Record<string, number>>) {
    this.#samples = samples;
    this.#ideals = ideals;
  }

  of(who: Who, name: Case['name']): readonly Sample[] {
    return this.#samples.filter((each) => each.who === who && each.case === name);
  }

  ms(who: Who, name: Case['name']): number {
    return median(this.of(who, name).map((each) => each.ms));
  }

  /** Multiple of the critical path. */
  overIdeal(who: Who, name: Case['name']): number {
    return this.ms(who, name) / (this.#ideals[name] as number);
  }

  /** Median over the rounds of the engine's time as a multiple of the floor's in the same round. */
  overFloor(name: Case['name']): number {
    const floor = new Map(this.of('floor', name).map((each) => [each.round, each.ms]));
    return median(
      this.of('engine', name).map((each) => each.ms / (floor.get(each.round) as number)),
    );
  }

  /** A quantile of the start delays of all rounds. */
  delay(who: Who, name: Case['name'], share: number): number {
    return quantile(
      this.of(who, name).flatMap((each) => each.delays),
      share,
    );
  }

  /** A sum over all rounds, per agent. */
  perAgent(who: Who, name: Case['name'], read: (sample: Sample) => number): number {
    const samples = this.of(who, name);
    return (
      samples.reduce((sum, each) => sum + read(each), 0) /
      samples.reduce((sum, each) => sum + each.agents, 0)
    );
  }
}

/** Peak memory of the engine alone, MB. */
export interface Memory {
  readonly w500Mb: number;
  readonly w10kMb: number;
}

/** What a goal asks: at most `most`, or at least `least`. */
interface Aim {
  readonly id: string;
  readonly what: string;
  readonly most?: number;
  /** What the machine itself decides: so many times the floor of the same run is as good as `most` (decision record 0022). */
  readonly floors?: number;
  readonly least?: number;
  /** The engine's figure, the floor's, and the engine's as a multiple of the floor's where that is not simply the quotient of the two. */
  readonly read: (
    figures: Figures,
    memory: Memory,
  ) => readonly [engine: number, floor: number | null, overFloor?: number];
}

const both =
  (figure: (figures: Figures, who: Who) => number): Aim['read'] =>
  (figures) => [figure(figures, 'engine'), figure(figures, 'floor')];
/** Rounds differ more than the two do within a round: a makespan is compared round by round, as in the table of cases. */
const makespan =
  (name: Case['name'], figure: (figures: Figures, who: Who) => number): Aim['read'] =>
  (figures) => [figure(figures, 'engine'), figure(figures, 'floor'), figures.overFloor(name)];
const overIdeal = (name: Case['name']) =>
  makespan(name, (figures, who) => figures.overIdeal(who, name));
const perAgent = (name: Case['name'], read: (sample: Sample) => number) =>
  both((figures, who) => figures.perAgent(who, name, read));
const cpuMs = (sample: Sample): number => sample.processMs + sample.serverMs;
const tablesKb = (sample: Sample): number => sample.tableBytes / 1_000;
const walKb = (sample: Sample): number => sample.walBytes / 1_000;
const delay = (share: number) => both((figures, who) => figures.delay(who, 'W500j L=50', share));
const growth = both(
  (figures, who) => figures.ms(who, 'W10k null') / 20 / figures.ms(who, 'W500 null'),
);

const aims: readonly Aim[] = [
  {
    id: 'G1',
    what: 'W500 L=200, × critical path',
    most: 1.12,
    floors: 1.05,
    read: overIdeal('W500 L=200'),
  },
  {
    id: 'G1',
    what: 'W500 L=50, × critical path',
    most: 1.5,
    floors: 1.05,
    read: overIdeal('W500 L=50'),
  },
  {
    id: 'G2',
    what: 'W500j L=50, × critical path',
    most: 1.06,
    floors: 1.02,
    read: overIdeal('W500j L=50'),
  },
  {
    id: 'G3',
    what: 'W500 null, agents/s as a share of the floor',
    least: 0.9,
    read: (figures) => [1 / figures.overFloor('W500 null'), 1],
  },
  {
    id: 'G4',
    what: 'W10k null, ms',
    most: 1_200,
    floors: 1.4,
    read: makespan('W10k null', (figures, who) => figures.ms(who, 'W10k null')),
  },
  { id: 'G4', what: 'ms per agent, 10k over 500', most: 1, read: growth },
  { id: 'G5', what: 'start delay W500j p50, ms', most: 4, floors: 1.25, read: delay(0.5) },
  { id: 'G5', what: 'start delay W500j p99, ms', most: 12, floors: 1.25, read: delay(0.99) },
  {
    id: 'G6',
    what: 'CPU per null agent W500, ms',
    most: 0.2,
    floors: 2,
    read: perAgent('W500 null', cpuMs),
  },
  {
    id: 'G6',
    what: 'CPU per null agent W10k, ms',
    most: 0.2,
    floors: 2,
    read: perAgent('W10k null', cpuMs),
  },
  {
    id: 'G7',
    what: 'peak memory W500 L=200, MB',
    most: 220,
    read: (_, memory) => [memory.w500Mb, null],
  },
  { id: 'G7', what: 'peak memory W10k, MB', most: 320, read: (_, memory) => [memory.w10kMb, null] },
  { id: 'G8', what: 'tables per agent W500, kB', most: 6, read: perAgent('W500 null', tablesKb) },
  { id: 'G8', what: 'tables per agent W10k, kB', most: 6, read: perAgent('W10k null', tablesKb) },
  { id: 'G8', what: 'WAL per agent W500, kB', most: 6, read: perAgent('W500 null', walKb) },
  { id: 'G8', what: 'WAL per agent W10k, kB', most: 6, read: perAgent('W10k null', walKb) },
];

/** The goals G1 to G8 and whether they are met. G9 and G10 are tests, not measurements. */
export function goalsOf(figures: Figures, memory: Memory): readonly Goal[] {
  return aims.map(({ id, what, most = Number.POSITIVE_INFINITY, floors = 0, least, read }) => {
    const [measured, floor, multiple] = read(figures, memory);
    const overFloor = multiple ?? (floor === null ? null : measured / floor);
    const passed =
      (measured <= most || (overFloor ?? Number.POSITIVE_INFINITY) <= floors) &&
      measured >= (least ?? 0);
    const relative = floors > 0 ? `, or ${floors} × floor` : '';
    const limit = least === undefined ? `≤ ${most}${relative}` : `≥ ${least}`;
    return { id, what, limit, measured, floor, overFloor, passed };
  });
}
