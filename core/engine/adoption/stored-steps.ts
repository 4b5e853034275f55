import type pg from 'pg';
import type { StepStatus, StepWait, Trust } from '../../ports/db/states.ts';
import { beginsConversation, isRecordedTurn, isSaid } from '../store/conversation.ts';

/** A step that has not ended, as a new owner reads it back. */
export interface OpenStep {
  readonly id: number;
  readonly status: StepStatus;
  readonly wait: StepWait | null;
  readonly wake_at: Date | null;
  readonly attempt: number;
  readonly crashes: number;
  readonly cost_micro_usd: number;
  readonly degraded: boolean;
  readonly worker: string | null;
  readonly started_at: Date | null;
  /** Turns of its conversation with a model so far. */
  readonly recorded: number;
  /** Fingerprints, hex, of what it has found so far. @default nothing */
  readonly found?: readonly string[] | undefined;
}

/** The rows of a run's steps, as far as a new owner needs them. */
export interface StoredSteps {
  /** Ids of steps whose end is stored: final. */
  readonly ended: ReadonlySet<number>;
  readonly open: readonly OpenStep[];
  /** The labels of the steps' outputs, by id. @default external: nobody knows */
  readonly trust?: ReadonlyMap<number, Trust>;
  /** What its model calls have cost. */
  readonly spentMicroUsd: number;
}

type StepRow = Omit<OpenStep, 'recorded' | 'found'> & {
  readonly ended: boolean;
  readonly trust: Trust;
};
interface Asked {
  readonly tenantId: number;
  readonly runId: string;
}

/** Reads back what a run's steps have been through. */
export async function readSteps(pool: pg.Pool, { tenantId, runId }: Asked): Promise<StoredSteps> {
  const { rows } = await pool.query<StepRow>(
    `SELECT id, status, wait, wake_at, attempt, crashes, cost_micro_usd, degraded, trust, worker, started_at, ended_at IS NOT NULL AS ended
     FROM tutti.step WHERE tenant_id = $1 AND run_id = $2`,
    [tenantId, runId],
  );
  const ended = new Set(rows.filter((row) => row.ended).map((row) => row.id));
  const left = rows.filter((row) => !row.ended);
  const begun = left.filter((row) => row.started_at !== null).map(({ id }) => id);
  const turns = await readTurns(pool, { tenantId, runId }, begun);
  const found = await readFound(pool, { tenantId, runId }, begun);
  const open = left.map((row) => {
    const { id } = row;
    return { ...row, recorded: turns.get(id) ?? 0, found: found.get(id) };
  });
  const trust = new Map(rows.map((row) => [row.id, row.trust]));
  const spentMicroUsd = rows.reduce((sum, row) => sum + row.cost_micro_usd, 0);
  return { ended, open, trust, spentMicroUsd };
}

/** How many turns are recorded of the conversations that steps are in, of those where there are any. */
async function readTurns(
  pool: pg.Pool,
  { tenantId, runId }: Asked,
  steps: readonly number[],
): Promise<ReadonlyMap<number, number>> {
  if (steps.length === 0) return new Map();
  const { rows } = await pool.query<{ readonly step: number; readonly turns: number }>(
    `SELECT step, count(*)::int AS turns FROM (
       SELECT e.step, e.seq, ${isRecordedTurn} AS turn, max(e.seq) FILTER (WHERE ${beginsConversation}) OVER (PARTITION BY e.step) AS begun
       FROM tutti.entry e WHERE e.tenant_id = $1 AND e.run_id = $2 AND e.step = ANY ($3::int[]) AND ${isSaid}) c
     WHERE turn AND seq > coalesce(begun, 0) GROUP BY 1`,
    [tenantId, runId, steps],
  );
  return new Map(rows.map(({ step, turns }) => [step, turns]));
}

/** What steps that have not ended have found: people have been asked about an effect of theirs. */
async function readFound(
  pool: pg.Pool,
  { tenantId, runId }: Asked,
  steps: readonly number[],
): Promise<ReadonlyMap<number, readonly string[]>> {
  if (steps.length === 0) return new Map();
  const { rows } = await pool.query<{ readonly step: number; readonly found: readonly string[] }>(
    `SELECT step, array_agg(encode(fingerprint, 'hex')) AS found FROM tutti.finding
     WHERE tenant_id = $1 AND run_id = $2 AND step = ANY ($3::int[]) GROUP BY 1`,
    [tenantId, runId, steps],
  );
  return new Map(rows.map(({ step, found }) => [step, found]));
}
