import type pg from 'pg';
import type { RunStatus, StepStatus, StepWait } from '../../ports/db/states.ts';
import type { Node, WorkflowData } from '../../sdk/node.ts';
import { isTerminal } from '../run/states.ts';
import { pathOf } from '../run/step.ts';
import { blockersOf } from '../schedule/blockers.ts';
import type { Store } from '../store/store.ts';
import {
  type AwaitedEffect,
  type ExplainedStep,
  type Explanation,
  usuallyTold,
} from './explanation.ts';

/** A run's row, as far as an explanation needs it. */
export interface KnownRun {
  readonly tenantId: number;
  readonly id: string;
  readonly status: RunStatus;
  readonly workflow: string;
  readonly version: number;
  /** Whether an engine that lives owns it. */
  readonly isOwned: boolean;
  /** When it is cancelled if it has not ended, ms since the epoch. */
  readonly deadlineAt: number | null;
}

interface StepRow {
  readonly id: number;
  readonly node: string;
  readonly item_key: string;
  readonly kind: string;
  readonly agent: string | null;
  readonly status: StepStatus;
  readonly wait: StepWait | null;
  readonly wake_at: Date | null;
}

/** What the rows tell of a run whose owner does not answer, or that has none: dependencies, pauses and waits; no limits, no estimate. */
export async function explainFromRows(
  { pool, store }: { readonly pool: pg.Pool; readonly store: Store },
  run: KnownRun,
  asked: {
    readonly step?: string | undefined;
    /** How many steps are told of at most. @default usuallyTold */
    readonly limit?: number | undefined;
    readonly note: string;
    readonly effects: ReadonlyMap<number, AwaitedEffect>;
    readonly runs: ReadonlyMap<number, readonly string[]>;
  },
): Promise<Explanation> {
  const now = Date.now();
  const [{ rows }, workflow] = await Promise.all([
    pool.query<StepRow>(
      'SELECT id, node, item_key, kind, agent, status, wait, wake_at FROM tutti.step WHERE tenant_id = $1 AND run_id = $2 ORDER BY id',
      [run.tenantId, run.id],
    ),
    store.workflowVersion(run.tenantId, run.workflow, run.version),
  ]);
  const byPath = new Map(rows.map((row) => [pathOfRow(row), row]));
  const waiting = rows.filter(
    (row) =>
      !isTerminal(row.status) &&
      row.status !== 'running' &&
      (asked.step ?? pathOfRow(row)) === pathOfRow(row),
  );
  const steps = waiting.slice(0, asked.limit ?? usuallyTold).map((row): ExplainedStep => {
    const dependencies = row.status === 'pending' ? needsOf(row, workflow) : [];
    const open = dependencies
      .flatMap((path) => byPath.get(path) ?? [])
      .filter(({ status }) => !isTerminal(status));
    return {
      ...{ id: row.id, path: pathOfRow(row), kind: row.kind, agent: row.agent, status: row.status },
      isFollowUp: false,
      blockers: blockersOf({
        now,
        dependencies: open.map((need) => ({ path: pathOfRow(need), status: need.status })),
        isPaused: run.status === 'paused',
        isOwned: run.isOwned,
        wait: row.wait,
        wakeAt: row.wake_at?.getTime() ?? null,
        isWaitNode: row.kind === 'wait',
        ...asked.effects.get(row.id),
        runs: asked.runs.get(row.id) ?? [],
        by: decidersOf(row, workflow),
        run: run.id,
        ...{ module: '', slots: [], refusals: [], ahead: 0 },
      }),
      ...{ startAt: null, endAt: null },
    };
  });
  const at = new Date(now).toISOString();
  const { id: runId, status } = run;
  return {
    runId,
    status,
    at,
    source: 'rows',
    note: asked.note,
    endAt: null,
    bottleneck: null,
    steps,
    more: waiting.length - steps.length,
  };
}

/** Paths of the steps that a step's node waits for; within a foreach those of its item. */
function needsOf({ node, item_key: itemKey }: StepRow, { nodes }: WorkflowData): readonly string[] {
  const [top = node, inner] = node.split('/');
  const place = nodes.find(({ id }) => id === top);
  if (!place) return [];
  if (itemKey === '') return place.kind === 'reduce' ? place.from : place.after;
  const within: readonly Node[] = place.kind === 'foreach' ? place.body : [];
  const after = within.find(({ id }) => id === inner)?.after ?? [];
  return after
    .filter((id) => within.some((each) => each.id === id))
    .map((id) => pathOf({ node: `${top}/${id}`, itemKey }));
}

/** Whom an approval asks. */
function decidersOf({ node }: StepRow, { nodes }: WorkflowData): readonly string[] {
  const [top = node, inner] = node.split('/');
  const place = nodes.find(({ id }) => id === top);
  const own = place?.kind === 'foreach' ? place.body.find(({ id }) => id === inner) : place;
  return own?.kind === 'approval' ? own.by : [];
}

function pathOfRow({ node, item_key: itemKey }: StepRow): string {
  return pathOf({ node, itemKey });
}
