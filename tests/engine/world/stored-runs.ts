import type { Graph } from '../../../core/engine/graph/compiled.ts';
import {
  type FormerStep,
  inOrderOfRetry,
  type Takeover,
  takeover,
} from '../../../core/engine/store/carried.ts';
import type { RunRow } from '../../../core/engine/store/store.ts';
import type { EntryLine, SimDatabase, StoredRun } from './database.ts';
import type { RunSetup } from './life.ts';

/** What tells of a node that its expressions have decided. */
const decided = /^(gate\.decided|switch\.decided|compute\.done)$/;

/** A run as it is stored when somebody asks for it. */
export function rowOf({ data, attended }: RunSetup, index: number, createdAt: number): RunRow {
  return {
    tenant_id: 1,
    id: `01990000-0000-7000-8000-00000000000${index}`,
    workflow: data.name,
    workflow_version: 1,
    pins: { attended },
    actor: { kind: 'person', id: 'tester' },
    journal_v: 2,
    company: null,
    business_date: '2026-06-30',
    time_zone: 'UTC',
    status: 'running',
    priority: 5,
    created_at: new Date(createdAt),
  };
}

/** A run that retries another one, as it is stored before any engine has it. */
export interface Retried {
  readonly former: RunRow;
  readonly row: RunRow;
  readonly taken: Takeover;
}

/**
 * Stores the retry of a run that has ended, with the meaning of the statements that do it (engine/store/retry-rows.ts): which steps stay
 * done is the engine's own choice. `round`: 1 for the retry of a first run, 2 for that one's. Its id ends as that of the first run does.
 */
export function retryOf(
  database: SimDatabase,
  {
    former,
    graph,
    round,
    now,
  }: {
    readonly former: RunRow;
    readonly graph: Graph;
    readonly round: number;
    readonly now: number;
  },
): Retried {
  const stored = database.run(former.id);
  const taken = takeover({
    graph,
    steps: formerSteps(database, stored),
    expansions: expansionsOf(stored),
  });
  const id = `${former.id.slice(0, -2)}${round}${former.id.at(-1)}`;
  const retry = { of: former.id, root: former.pins.retry?.root ?? former.id };
  const row = { ...former, id, pins: { ...former.pins, retry }, created_at: new Date(now) };
  if (taken.isWhole) return { former, row, taken };
  database.addRun({ row, retryOf: former.id });
  carry(database, { from: former.id, to: id, taken });
  return { former, row, taken };
}

/** Copies what a retry takes over behind its first entry. */
export function carry(
  database: SimDatabase,
  { from, to, taken }: { readonly from: string; readonly to: string; readonly taken: Takeover },
): void {
  const { entries } = database.run(to);
  for (const entry of copies(database.run(from), taken))
    entries.push({ ...entry, seq: entries.length + 1, at: database.now });
}

/** What the steps of a run that has ended have come to. */
export function formerSteps(
  { children }: SimDatabase,
  { id: run, steps, entries }: StoredRun,
): ReadonlyMap<number, FormerStep> {
  const partial = children.filter(
    ({ parent, status }) => parent.run === run && status === 'partial',
  );
  const isWhole = (step: number) => partial.every(({ parent }) => parent.step !== step);
  const endOf = (step: number, status: string): number | null =>
    /^(succeeded|skipped)$/.test(status)
      ? (entries.find(
          (entry) =>
            entry.step === step && (entry.kind === `step.${status}` || decided.test(entry.kind)),
        )?.seq ?? null)
      : null;
  return new Map(
    [...steps.values()].map(({ id, status }) => [
      id,
      {
        ...{ id, status, seq: endOf(id, status) },
        isWhole: status !== 'succeeded' || isWhole(id),
      },
    ]),
  );
}

/** Which of its lists a run has expanded, and into how many. */
export function expansionsOf({ entries }: Pick<StoredRun, 'entries'>) {
  return entries
    .filter(({ kind }) => kind === 'foreach.expanded')
    .map(({ seq, step, data }) => ({
      seq,
      step: step as number,
      items: Number(data.batches ?? data.items),
    }));
}

/** Ends and expansions that are taken over, and findings of steps that stay done, in the order in which the retry has them. */
function copies(
  { steps, entries }: StoredRun,
  taken: Takeover,
): readonly Omit<EntryLine, 'at' | 'seq'>[] {
  const wanted = new Map(taken.entries.map((each) => [each.seq, each]));
  for (const { seq, step, kind } of entries) {
    const kept = kind === 'finding' && step !== null ? taken.steps.get(step) : undefined;
    if (kept !== undefined) wanted.set(seq, { seq, step: kept, at: seq, depth: 0 });
  }
  return [...wanted.values()].sort(inOrderOfRetry).flatMap(({ seq, step }) => {
    const entry = entries.find((each) => each.seq === seq);
    const row = steps.get(entry?.step ?? -1);
    if (!entry || !row) return [];
    const {
      kind,
      data: { outputSeq, ...data },
      body: own,
    } = entry;
    const end = decided.test(kind)
      ? { status: row.status }
      : kind.startsWith('step.') && { trust: row.trust, degraded: row.degraded };
    const body =
      outputSeq === undefined
        ? own
        : (entries.find((each) => each.seq === outputSeq)?.body ?? null);
    return [{ step, attempt: null, kind, data: { ...data, carried: true, ...end }, body }];
  });
}
