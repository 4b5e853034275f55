import { EngineError } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import { auditTexts } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../store/store.ts';
import { withConnection } from './keeping.ts';

/** A run that retention and erasure leave alone. */
export interface Hold {
  readonly runId: string;
  readonly workflow: string;
  readonly reason: string;
  readonly actor: Actor;
  readonly at: Date;
}

/** Holds a run, whether it has ended or not; a second reason joins the first. @throws RUN_UNKNOWN */
export async function placeHold(
  database: Pick<Database, 'connect'>,
  hold: {
    readonly tenantId: number;
    readonly runId: string;
    readonly reason: string;
    readonly actor: Actor;
  },
): Promise<void> {
  const { tenantId, runId, reason, actor } = hold;
  const { rowCount } = await withConnection(database, (client) =>
    client.query(
      `WITH held AS (INSERT INTO tutti.hold AS h (tenant_id, run_id, reason, actor) SELECT tenant_id, id, $3, $4 FROM tutti.run WHERE tenant_id = $1 AND id = $2
         ON CONFLICT (tenant_id, run_id) DO UPDATE SET actor = excluded.actor, at = excluded.at,
           reason = CASE h.reason WHEN excluded.reason THEN h.reason ELSE h.reason || '; ' || excluded.reason END RETURNING 1)
       SELECT tutti.append_audit($1, $5, $6, $7, $8) FROM held`,
      [
        ...[tenantId, runId, reason, toJsonb(actor)],
        ...auditTexts({ actor, action: 'hold.place', target: runId }),
      ],
    ),
  );
  if (rowCount === 1) return;
  throw new EngineError('RUN_UNKNOWN', `There is no run '${runId}'; see: tutti runs`);
}

/** Releases a run; answers whether it was held. Retention applies to it again from then on. */
export async function releaseHold(
  database: Pick<Database, 'connect'>,
  {
    tenantId,
    runId,
    actor,
  }: { readonly tenantId: number; readonly runId: string; readonly actor: Actor },
): Promise<boolean> {
  const { rowCount } = await withConnection(database, (client) =>
    client.query(
      `WITH gone AS (DELETE FROM tutti.hold WHERE tenant_id = $1 AND run_id = $2 RETURNING 1)
       SELECT tutti.append_audit($1, $3, $4, $5, $6) FROM gone`,
      [tenantId, runId, ...auditTexts({ actor, action: 'hold.release', target: runId })],
    ),
  );
  return rowCount === 1;
}

/** The runs of a tenant that are held, oldest hold first. */
export async function listHolds(
  database: Pick<Database, 'connect'>,
  tenantId: number,
): Promise<readonly Hold[]> {
  const { rows } = await withConnection(database, (client) =>
    client.query<Hold>(
      `SELECT h.run_id AS "runId", r.workflow, h.reason, h.actor, h.at FROM tutti.hold h
       JOIN tutti.run r ON r.tenant_id = h.tenant_id AND r.id = h.run_id WHERE h.tenant_id = $1 ORDER BY h.at`,
      [tenantId],
    ),
  );
  return rows;
}
