import type { ApprovalState } from '../../ports/db/states.ts';
import type { Queryable } from '../../ports/db/transaction.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../run/request.ts';

/** What has become of a question about an effect. */
export interface Told {
  readonly tenantId: number;
  /** The question. */
  readonly id: string;
  /** The effect's, hex. */
  readonly key: string;
  readonly state: ApprovalState;
  readonly by: readonly string[];
  readonly note: string | null;
  readonly actor: Actor;
}

/**
 * Leaves a message for every step that waits for an effect, so that it looks what has become of it; a key may reach over a tenant's runs.
 * Runs that are over get none. @throws DB_*
 */
export async function tellWaiting(queryable: Queryable, told: Told): Promise<void> {
  const { tenantId, id, key, state, by, note, actor } = told;
  await queryable.query(tellSql, [
    ...[tenantId, key, id, state],
    toJsonb({ key, state, by, note }),
    toJsonb(actor),
  ]);
}

const tellSql = `
WITH told AS (
  SELECT a.run_id, a.step FROM tutti.approval a WHERE a.tenant_id = $1 AND a.id = $3::uuid
  UNION
  SELECT s.run_id, s.id FROM tutti.run r JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id
  WHERE r.tenant_id = $1 AND r.ended_at IS NULL AND s.wait = 'approval'
    AND (SELECT w.data->>'key' FROM tutti.entry w WHERE w.tenant_id = s.tenant_id AND w.run_id = s.run_id AND w.step = s.id
      AND w.kind = 'step.waiting' ORDER BY w.seq DESC LIMIT 1) = $2)
INSERT INTO tutti.inbox (tenant_id, run_id, kind, dedupe, data, actor)
SELECT $1, t.run_id, 'decision', 'decision:' || $3::text || ':' || $4::text || ':' || t.step, $5::jsonb || jsonb_build_object('step', t.step), $6
FROM told t JOIN tutti.run r ON r.tenant_id = $1 AND r.id = t.run_id AND r.ended_at IS NULL
ON CONFLICT (tenant_id, run_id, dedupe) DO NOTHING`;
