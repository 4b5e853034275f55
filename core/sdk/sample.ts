import type { EntityName, Row } from './entity.ts';

/** A finding that a night must report: what the generator planted. Lives in memory only, for tests and `tutti eval`. */
export interface Truth {
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  readonly kind: string;
  readonly company?: string;
  readonly records: readonly { readonly entity: EntityName; readonly id: string }[];
}

/** A row while the sample company is being made: modules may still change each other's rows before they are written. */
export type Draft<E extends EntityName> = { -readonly [K in keyof Row<E>]: Row<E>[K] };

/** A seeded source of chance: the same seed gives the same company. */
export interface Chance {
  /** Uniform in [0, 1). */
  next(): number;
  /** Uniform whole number, both ends included. */
  integer(from: number, to: number): number;
  pick<T>(items: readonly T[]): T;
  /** A new array in random order. */
  shuffle<T>(items: readonly T[]): T[];
  /** True with this probability. */
  chance(probability: number): boolean;
}

/** The sample company in the making, as each module's `sample` sees it, in the order of `requires`. */
export interface SampleWorld {
  /** The business date of the company's runs, `YYYY-MM-DD`; all dates follow from it. */
  readonly asOf: string;
  /** 1 (500 agents a night) to 20 (10,000). */
  readonly scale: number;
  readonly random: Chance;
  /** Adds a row; its id comes from the entity's sequence. */
  add<E extends EntityName>(entity: E, data: Omit<Row<E>, 'id' | 'version'>): Draft<E>;
  /** All rows of an entity so far, in the order in which they were added. */
  all<E extends EntityName>(entity: E): readonly Draft<E>[];
  /** Records what an agent must find; anything else that it reports is a false alarm. */
  expect(truth: Truth): void;
  /** `asOf` plus `days` (may be negative), `YYYY-MM-DD`. */
  day(days: number): string;
  /** A short line of ordinary business prose from one pool for all rows, planted or not. */
  prose(): string;
}

/** A module's part of the sample company. */
export type Sample = (world: SampleWorld) => void;
