import type pg from 'pg';

/** Whether there is anything that a look each second is for. */
export interface Pending {
  /** Questions that are open, or granted and not yet carried out or over. */
  readonly questions: boolean;
  /** Questions about effects that are granted, and not yet carried out or over. */
  readonly granted: boolean;
  /** Runs that others have started and that go on. */
  readonly children: boolean;
}

/**
 * Looks whether anything pends, in any tenant: a few pages of small indexes. The statements that see to it join partitioned tables, and planning
 * one of them costs more each second than an idle engine does otherwise. @throws DB_*
 */
export async function readPending(pool: pg.Pool): Promise<Pending> {
  const { rows } = await pool.query<Pending>(pendingSql);
  return rows[0] ?? { questions: true, granted: true, children: true };
}

// Each condition is that of a partial index. Not prepared: a plan that is kept from when the tables were empty would read the whole of them.
const pendingSql = `SELECT granted OR EXISTS (SELECT FROM tutti.approval WHERE state = 'open') AS questions, granted,
  EXISTS (SELECT FROM tutti.run WHERE parent_run_id IS NOT NULL AND ended_at IS NULL) AS children
FROM (SELECT EXISTS (SELECT FROM tutti.approval WHERE state = 'granted' AND effect_key IS NOT NULL) AS granted) seen`;
