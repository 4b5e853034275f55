import { moduleOf } from '../../sdk/qualified-name.ts';
import { type Severity, severities } from '../../sdk/severity.ts';

/** What progress needs of an entry of the run's journal. */
export interface ProgressEntry {
  readonly seq: number;
  readonly step: number | null;
  readonly kind: string;
  readonly at: Date | string | number;
  readonly data: Readonly<Record<string, unknown>>;
}

/** What progress needs of a step: where it belongs, and how it stands in case no entry says so (skipped, cancelled). */
export interface ProgressStep {
  readonly id: number;
  readonly kind: string;
  /** `module.agent`; null for a step that is none. */
  readonly agent: string | null;
  readonly status: string;
}

/** How one agent's step stands. */
export type PlaceState = 'waiting' | 'running' | 'succeeded' | 'failed' | 'skipped';

interface Place {
  /** Null until its step has been learnt of, and for a step that no agent does. */
  readonly module: string | null;
  readonly state: PlaceState;
}

/** State of a run, folded from its entries; the same entries give the same state, in whatever portions they come. */
export interface Progress {
  /** Sequence number of the last entry seen. */
  readonly seq: number;
  readonly startedAtMs: number | null;
  readonly lastAtMs: number | null;
  /** The final status, once the run has one. */
  readonly ended: string | null;
  /** Steps by id. */
  readonly places: ReadonlyMap<number, Place>;
  /** Steps that a retry has taken over as they were: they took it no time. */
  readonly carried: number;
  /** Findings by step, then severity. A retry tells of those that it has taken over before there are steps. */
  readonly findings: ReadonlyMap<number, Readonly<Record<Severity, number>>>;
  /** Keys of the effects that wait for a person; of a rehearsal those that it would have had. */
  readonly proposals: ReadonlySet<string>;
  /** Whether model calls were only simulated. */
  readonly rehearsal: boolean;
  readonly toolCalls: number;
  readonly recordsRead: number;
  readonly costMicroUsd: number;
}

const noFindings: Readonly<Record<Severity, number>> = { critical: 0, high: 0, medium: 0, low: 0 };

/** Before the first entry. */
export const noProgress: Progress = {
  seq: 0,
  startedAtMs: null,
  lastAtMs: null,
  ended: null,
  places: new Map(),
  carried: 0,
  findings: new Map(),
  proposals: new Set(),
  rehearsal: false,
  toolCalls: 0,
  recordsRead: 0,
  costMicroUsd: 0,
};

/** Learns of steps: new ones wait, and those that ended without an entry of their own are ended. */
export function foldSteps(progress: Progress, steps: readonly ProgressStep[]): Progress {
  const places = new Map(progress.places);
  for (const step of steps) {
    if (step.agent === null) continue;
    const ended = step.status === 'skipped' || step.status === 'cancelled';
    const state = ended ? 'skipped' : (places.get(step.id)?.state ?? 'waiting');
    places.set(step.id, { module: moduleOf(step.agent), state });
  }
  return { ...progress, places };
}

/** Whether an entry speaks of a step that has not been learnt of; then read the steps before folding it. */
export function namesNewStep(progress: Progress, entries: readonly ProgressEntry[]): boolean {
  return entries.some(
    (entry) =>
      entry.kind === 'foreach.expanded' ||
      (entry.kind === 'step.started' && !progress.places.get(entry.step ?? -1)?.module),
  );
}

/** Takes up entries, in order of `seq`; those that were seen before change nothing. */
export function foldEntries(progress: Progress, entries: readonly ProgressEntry[]): Progress {
  const fold = new Fold(progress);
  for (const entry of entries) if (entry.seq > fold.seq) fold.take(entry);
  return fold.result();
}

/** One portion's copy of the state, changed in place, so that a portion costs one copy and not one for every entry. */
class Fold {
  readonly #start: Progress;
  readonly #places: Map<number, Place>;
  readonly #findings: Map<number, Readonly<Record<Severity, number>>>;
  readonly #proposals: Set<string>;
  #sums: Pick<
    Progress,
    | 'startedAtMs'
    | 'lastAtMs'
    | 'ended'
    | 'rehearsal'
    | 'carried'
    | 'toolCalls'
    | 'recordsRead'
    | 'costMicroUsd'
  >;
  seq: number;

  constructor(progress: Progress) {
    this.#start = progress;
    this.#places = new Map(progress.places);
    this.#findings = new Map(progress.findings);
    this.#proposals = new Set(progress.proposals);
    this.#sums = progress;
    this.seq = progress.seq;
  }

  take(entry: ProgressEntry): void {
    const sums = { ...this.#sums, lastAtMs: new Date(entry.at).getTime() };
    this.#sums = sums;
    this.seq = entry.seq;
    switch (entry.kind) {
      case 'step.started':
        sums.startedAtMs ??= sums.lastAtMs;
        sums.rehearsal ||= entry.data.mode === 'rehearsal';
        return this.#move(entry, 'running');
      case 'step.retrying':
      case 'step.waiting':
      case 'step.lost':
        return this.#move(entry, 'waiting');
      case 'step.succeeded':
        if (entry.data.carried === true) sums.carried += 1;
        return this.#move(entry, 'succeeded');
      case 'step.failed':
        return this.#move(entry, 'failed');
      case 'step.skipped':
      case 'step.cancelled':
        return this.#move(entry, 'skipped');
      case 'finding':
        return this.#find(entry);
      case 'effect.proposed':
      case 'effect.observed':
        this.#proposals.add(String(entry.data.key));
        return;
      case 'tool.called':
        sums.toolCalls += 1;
        sums.recordsRead += Number(entry.data.records ?? 0);
        return;
      case 'turn.ended':
        sums.costMicroUsd += Number(entry.data.costMicroUsd ?? 0);
        return;
      case 'run.ended':
        sums.ended = String(entry.data.status);
        return this.#endAll();
    }
  }

  result(): Progress {
    return {
      ...this.#start,
      ...this.#sums,
      seq: this.seq,
      places: this.#places,
      findings: this.#findings,
      proposals: this.#proposals,
    };
  }

  #move(entry: ProgressEntry, state: PlaceState): void {
    if (entry.step === null) return;
    const { module = null } = this.#places.get(entry.step) ?? {};
    this.#places.set(entry.step, { module, state });
  }

  /** Of what ends with its run, and of what was never to start, no entry of its own tells. */
  #endAll(): void {
    for (const [step, { module, state }] of this.#places)
      if (state === 'waiting' || state === 'running')
        this.#places.set(step, { module, state: 'skipped' });
  }

  #find(entry: ProgressEntry): void {
    const step = entry.step ?? -1;
    const counts = this.#findings.get(step) ?? noFindings;
    const severity = entry.data.severity as Severity;
    this.#findings.set(step, { ...counts, [severity]: (counts[severity] ?? 0) + 1 });
  }
}

/** Where a run's record is read. */
export interface ProgressSource {
  entries(tenantId: number, runId: string, after: number): Promise<readonly ProgressEntry[]>;
  steps(tenantId: number, runId: string): Promise<readonly ProgressStep[]>;
}

/** Reads on from where a progress was, to the end of what is written. */
export async function readProgress(
  source: ProgressSource,
  { tenantId, runId }: { readonly tenantId: number; readonly runId: string },
  before: Progress,
): Promise<Progress> {
  let progress = before;
  for (;;) {
    const entries = await source.entries(tenantId, runId, progress.seq);
    if (entries.length === 0) return progress;
    if (namesNewStep(progress, entries))
      progress = foldSteps(progress, await source.steps(tenantId, runId));
    progress = foldEntries(progress, entries);
  }
}

/** How one module stands. */
export interface ModuleProgress {
  readonly module: string;
  readonly total: number;
  readonly ended: number;
  readonly running: number;
  readonly failed: number;
  readonly findings: number;
}

/** What a person looks at while a run is under way. */
export interface ProgressView {
  readonly ended: number;
  readonly running: number;
  readonly failed: number;
  /** Agents that are known to run in the end: those seen so far, or as many as the run before had, if those are more. */
  readonly total: number;
  /** 0 to 1; 1 only when the run has ended. */
  readonly ratio: number;
  readonly findings: Readonly<Record<Severity, number>>;
  readonly modules: readonly ModuleProgress[];
  readonly elapsedMs: number;
  /** Null until enough has ended to tell. */
  readonly remainingMs: number | null;
}

/** Agents that must have ended before a remaining time is more than a guess. */
const enoughToTell = 10;

/** Counts a state for display at `nowMs`; `expected` is the number of agents that the run before had, 0 for none. */
export function viewProgress(progress: Progress, nowMs: number, expected: number): ProgressView {
  const modules = countModules(progress);
  const sum = (of: (each: ModuleProgress) => number): number =>
    modules.reduce((total, each) => total + of(each), 0);
  const ended = sum((each) => each.ended);
  const known = sum((each) => each.total);
  const total = progress.ended === null ? Math.max(known, expected) : known;
  const until = progress.ended === null ? nowMs : (progress.lastAtMs ?? nowMs);
  const elapsedMs = Math.max(0, until - (progress.startedAtMs ?? until));
  const done = ended - progress.carried;
  const isToldBy = progress.ended === null && done >= enoughToTell && total > 0;
  return {
    ended,
    total,
    running: sum((each) => each.running),
    failed: sum((each) => each.failed),
    ratio: progress.ended !== null ? 1 : total === 0 ? 0 : Math.min(ended / total, 0.99),
    findings: sumSeverities([...progress.findings.values()]),
    modules,
    elapsedMs,
    remainingMs: isToldBy ? (elapsedMs / done) * (total - ended) : null,
  };
}

function countModules(progress: Progress): readonly ModuleProgress[] {
  const counts = new Map<
    string,
    { total: number; ended: number; running: number; failed: number }
  >();
  for (const { module, state } of progress.places.values()) {
    if (module === null) continue;
    const count = counts.get(module) ?? { total: 0, ended: 0, running: 0, failed: 0 };
    counts.set(module, count);
    count.total += 1;
    if (state === 'running') count.running += 1;
    else if (state !== 'waiting') count.ended += 1;
    if (state === 'failed') count.failed += 1;
  }
  const found = Map.groupBy(
    progress.findings,
    ([step]) => progress.places.get(step)?.module ?? null,
  );
  return [...counts]
    .map(([module, count]) => {
      const sums = sumSeverities((found.get(module) ?? []).map(([, each]) => each));
      return { module, ...count, findings: sums.critical + sums.high + sums.medium + sums.low };
    })
    .sort((a, b) => (a.module < b.module ? -1 : 1));
}

function sumSeverities(
  counts: readonly Readonly<Record<Severity, number>>[],
): Readonly<Record<Severity, number>> {
  const sum = { ...noFindings };
  for (const count of counts) for (const severity of severities) sum[severity] += count[severity];
  return sum;
}
