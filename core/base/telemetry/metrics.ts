import {
  type CounterName,
  type GaugeName,
  type HistogramName,
  type Instrument,
  type InstrumentName,
  instruments,
  type LabelsOf,
} from './instruments.ts';

/** Values sorted by size. */
export interface Distribution {
  /** How many values were at most as large as each of the instrument's bounds and larger than the one before; the last: larger than all. */
  readonly counts: readonly number[];
  readonly count: number;
  readonly sum: number;
}

/** One value of a metric, at some labels. */
export interface Point {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number | Distribution;
}

/** A metric with its values. */
export interface Family {
  readonly name: InstrumentName;
  readonly instrument: Instrument;
  readonly points: readonly Point[];
}

/** Where a looker writes what it sees. */
export type Observe = <N extends CounterName | GaugeName>(
  name: N,
  value: number,
  labels: LabelsOf<N>,
) => void;

/** Looks values up. One that fails is left out, and the others are shown. */
export type Look = (observe: Observe) => void | Promise<void>;

interface Cell {
  readonly labels: Readonly<Record<string, string>>;
  value: number;
  sum: number;
  /** Of a histogram. */
  readonly counts: number[] | null;
}

/** The cells of a metric, found label by label: without a key to put together for each count. */
interface Series {
  readonly cells: Cell[];
  readonly root: Branch;
}

/** What has the same values of the first labels. */
interface Branch {
  readonly next: Map<string, Branch>;
  cell: Cell | null;
}

/** Beyond this many label sets of one metric everything is counted under `other`: nothing that comes from outside fills the memory. */
const mostPoints = 1_000;

/**
 * The metrics of one process. Counting is adding to a number in memory: nothing is exported unless somebody asks, and OpenTelemetry's
 * SDK, which costs about 25 MB (measured), is loaded only where a collector is to be told.
 */
export class Metrics {
  /** Since when it counts, ms since the epoch. */
  readonly startedAt: number;
  readonly #series = new Map<InstrumentName, Series>();
  readonly #lookers = new Set<Look>();

  /** @default now the present */
  constructor(now: number = Date.now()) {
    this.startedAt = now;
  }

  /** Adds to a counter. */
  add<N extends CounterName>(name: N, by: number, labels: LabelsOf<N>): void {
    this.#cell(name, labels).value += by;
  }

  /** Sorts a value into a histogram. */
  record<N extends HistogramName>(name: N, value: number, labels: LabelsOf<N>): void {
    const cell = this.#cell(name, labels);
    const { buckets } = instruments[name] as Instrument & { readonly buckets: readonly number[] };
    let at = 0;
    while (at < buckets.length && value > (buckets[at] as number)) at += 1;
    const counts = cell.counts as number[];
    counts[at] = (counts[at] as number) + 1;
    cell.value += 1;
    cell.sum += value;
  }

  /** Looks values up each time that somebody asks, until the returned function is called. */
  observe(look: Look): () => void {
    this.#lookers.add(look);
    return () => this.#lookers.delete(look);
  }

  /** What a counter has come to, over all labels that match. */
  sum<N extends CounterName>(name: N, labels: Partial<LabelsOf<N>> = {}): number {
    const wanted = Object.entries(labels);
    let sum = 0;
    for (const cell of this.#series.get(name)?.cells ?? [])
      if (wanted.every(([label, value]) => cell.labels[label] === value)) sum += cell.value;
    return sum;
  }

  /** Every metric that has a value, in the order of their declaration. */
  async collect(): Promise<readonly Family[]> {
    const seen = new Map<InstrumentName, Point[]>();
    const observe: Observe = (name, value, labels) => {
      const points = seen.get(name) ?? [];
      seen.set(name, points);
      points.push({ labels, value });
    };
    await Promise.allSettled([...this.#lookers].map(async (look) => look(observe)));
    return (Object.keys(instruments) as InstrumentName[]).flatMap((name) => {
      const points = [...this.#counted(name), ...(seen.get(name) ?? [])];
      return points.length === 0 ? [] : [{ name, instrument: instruments[name], points }];
    });
  }

  #counted(name: InstrumentName): readonly Point[] {
    return (this.#series.get(name)?.cells ?? []).map(({ labels, value, sum, counts }) => ({
      labels,
      value: counts ? { counts: [...counts], count: value, sum } : value,
    }));
  }

  #cell(name: InstrumentName, labels: Readonly<Record<string, string>>): Cell {
    const { labels: names } = instruments[name] as Instrument;
    let branch = this.#series.get(name)?.root;
    for (const label of names) branch = branch?.next.get(labels[label] ?? '');
    return branch?.cell ?? this.#open(name, labels);
  }

  #open(name: InstrumentName, labels: Readonly<Record<string, string>>): Cell {
    const { labels: names, buckets } = instruments[name] as Instrument;
    let series = this.#series.get(name);
    if (!series) {
      series = { cells: [], root: newBranch() };
      this.#series.set(name, series);
    }
    if (series.cells.length >= mostPoints && !names.every((label) => labels[label] === other))
      return this.#cell(name, Object.fromEntries(names.map((label) => [label, other])));
    let branch = series.root;
    for (const label of names) {
      const value = labels[label] ?? '';
      const next = branch.next.get(value) ?? newBranch();
      branch.next.set(value, next);
      branch = next;
    }
    const counts = buckets ? new Array<number>(buckets.length + 1).fill(0) : null;
    const own = Object.fromEntries(names.map((label) => [label, labels[label] ?? '']));
    branch.cell = { labels: own, value: 0, sum: 0, counts };
    series.cells.push(branch.cell);
    return branch.cell;
  }
}

const other = 'other';

function newBranch(): Branch {
  return { next: new Map(), cell: null };
}
