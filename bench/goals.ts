import type { Case, Sample, Who } from './measure.ts';
import { median, quantile } from './stats.ts';

/** A goal with what was measured. */
export interface Goal {
  readonly id: string;
  readonly what: string;
  readonly limit: string;
  readonly measured: number;
  readonly floor: number | null;
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
    return median(this.of('engine', name).map((each) => each.ms / (floor.get(each.round) as number)));
  }

  /** A quantile of the start delays of all rounds. */
  delay(who: Who, name: Case['name'], share: number): number {
    return quantile(this.of(who, name).flatMap((each) => each.delays), share);
  }

  /** A sum over all rounds, per agent. */
  perAgent(who: Who, name: Case['name'], read: (sample: Sample) => number): number {
    const samples = this.of(who, name);
    return samples.reduce((sum, each) => sum + read(each), 0) / samples.reduce((sum, each) => sum + each.agents, 0);
  }
}

/** Peak memory of the engine alone, MB. */
export interface Memory {
  readonly w500Mb: number;
  readonly w10kMb: number;
}

/** The goals G1 to G8 and whether they are met. G9 and G10 are tests, not measurements. */
export function goalsOf(figures: Figures, memory: Memory): readonly Goal[] {
  const both = (read: (who: Who) => number): readonly [number, number] => [read('engine'), read('floor')];
  const cpu = (name: Case['name']) => both((who) => figures.perAgent(who, name, (each) => each.processMs + each.serverMs));
  const kb = (read: (sample: Sample) => number) => (name: Case['name']) => both((who) => figures.perAgent(who, name, read) / 1_000);
  const [tables, wal] = [kb((each) => each.tableBytes), kb((each) => each.walBytes)];
  const growth = (who: Who) => figures.ms(who, 'W10k null') / 20 / figures.ms(who, 'W500 null');
  return [
    most('G1', 'W500 L=200, × critical path', 1.12, both((who) => figures.overIdeal(who, 'W500 L=200'))),
    most('G1', 'W500 L=50, × critical path', 1.5, both((who) => figures.overIdeal(who, 'W500 L=50'))),
    most('G1', 'W500 L=50, × floor', 1.05, [figures.overFloor('W500 L=50'), 1]),
    most('G2', 'W500j L=50, × critical path', 1.06, both((who) => figures.overIdeal(who, 'W500j L=50'))),
    least('G3', 'W500 null, agents/s as a share of the floor', 0.9, [1 / figures.overFloor('W500 null'), 1]),
    most('G4', 'W10k null, ms', 1_200, both((who) => figures.ms(who, 'W10k null'))),
    most('G4', 'ms per agent, 10k over 500', 1, both(growth)),
    most('G5', 'start delay W500j p50, ms', 4, both((who) => figures.delay(who, 'W500j L=50', 0.5))),
    most('G5', 'start delay W500j p99, ms', 12, both((who) => figures.delay(who, 'W500j L=50', 0.99))),
    most('G6', 'CPU per null agent W500, ms', 0.2, cpu('W500 null')),
    most('G6', 'CPU per null agent W10k, ms', 0.2, cpu('W10k null')),
    most('G7', 'peak memory W500 L=200, MB', 220, [memory.w500Mb, null]),
    most('G7', 'peak memory W10k, MB', 320, [memory.w10kMb, null]),
    most('G8', 'tables per agent W500, kB', 6, tables('W500 null')),
    most('G8', 'tables per agent W10k, kB', 6, tables('W10k null')),
    most('G8', 'WAL per agent W500, kB', 6, wal('W500 null')),
    most('G8', 'WAL per agent W10k, kB', 6, wal('W10k null')),
  ];
}

function most(id: string, what: string, limit: number, [measured, floor]: readonly [number, number | null]): Goal {
  return { id, what, limit: `≤ ${limit}`, measured, floor, passed: measured <= limit };
}

function least(id: string, what: string, limit: number, [measured, floor]: readonly [number, number | null]): Goal {
  return { id, what, limit: `≥ ${limit}`, measured, floor, passed: measured >= limit };
}
