import type { Queryable } from '../../ports/db/transaction.ts';
import { noDay } from '../limits/purse.ts';
import type { PurseState } from '../limits/warnings.ts';

/** A purse that all engines share, as it is opened. */
export interface OpenedPurse {
  readonly scope: string;
  /** Where it is not open yet. */
  readonly limitMicroUsd: number;
}

/**
 * Opens purses of a day, or of none; one that is open keeps its limit. The purse of a run and of what it starts begins with what these have
 * spent: a release before such purses may have begun them. Returns what each holds.
 */
export async function openPurses(
  queryable: Queryable,
  { tenantId, period }: { readonly tenantId: number; readonly period: string },
  purses: readonly OpenedPurse[],
): Promise<ReadonlyMap<string, PurseState>> {
  const spent = period === noDay ? spentBefore : '0';
  // In the flush's order: both lock the same rows.
  const { rows } = await queryable.query<PurseState & { readonly scope: string }>(
    `WITH made AS (INSERT INTO tutti.budget (tenant_id, scope, period, limit_micro_usd, settled_micro_usd)
       SELECT $1, s, $3::date, l, ${spent} FROM unnest($2::text[], $4::bigint[]) AS p (s, l) ORDER BY s ON CONFLICT (tenant_id, scope, period) DO UPDATE SET limit_micro_usd = budget.limit_micro_usd
       RETURNING scope, limit_micro_usd AS "limitMicroUsd", reserved_micro_usd AS "reservedMicroUsd", settled_micro_usd AS "settledMicroUsd") SELECT * FROM made`,
    [
      tenantId,
      purses.map(({ scope }) => scope),
      period,
      purses.map(({ limitMicroUsd }) => limitMicroUsd),
    ],
  );
  return new Map(rows.map(({ scope, ...state }) => [scope, state]));
}

// Of a run whose purse is not open: by the ledger, which has each call once, whoever has heard of its end; what is under way counts in full.
const spentBefore = `CASE WHEN EXISTS (SELECT FROM tutti.budget b WHERE b.tenant_id = $1 AND b.scope = s AND b.period = $3::date) THEN 0 ELSE (
    WITH RECURSIVE family AS (SELECT split_part(s, 'run:', 2)::uuid AS id
      UNION ALL SELECT c.id FROM family f JOIN tutti.run c ON c.parent_run_id = f.id AND c.tenant_id = $1)
    SELECT coalesce(sum(coalesce(l.cost_micro_usd, l.reserved_micro_usd)), 0)::bigint
    FROM family f JOIN tutti.ledger l ON l.tenant_id = $1 AND l.run_id = f.id) END`;
