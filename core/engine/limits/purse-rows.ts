import { type Kysely, sql } from 'kysely';
import type { Tables } from '../../ports/db/tables.ts';
import type { SharedPurse } from './purse.ts';
import { type BudgetWarning, type PurseState, warningOf } from './warnings.ts';

/*
 * Statements on table `budget`, the purses that all engines share, beside those of the flush. Whoever changes several rows
 * locks them in the flush's order, so nobody waits in a circle.
 */

interface PurseRow extends SharedPurse, PurseState {}

/**
 * Gives the purses of a day and of all later ones the limits that are in force; what is reserved and settled stays. Returns
 * all of them. @default tenantId all
 */
export async function moveLimits(
  kysely: Kysely<Tables>,
  limitOf: (tenantId: number, scope: string) => number,
  of: { readonly period: string; readonly tenantId?: number },
): Promise<readonly (SharedPurse & Pick<PurseState, 'limitMicroUsd'>)[]> {
  const { period, tenantId = null } = of;
  const { rows } =
    await sql<PurseRow>`SELECT tenant_id, scope, period, limit_micro_usd FROM tutti.budget
    WHERE period >= ${period}::date AND (${tenantId}::int IS NULL OR tenant_id = ${tenantId})`.execute(
      kysely,
    );
  const purses = rows.map((row) => ({ ...row, limitMicroUsd: limitOf(row.tenantId, row.scope) }));
  const moved = purses.filter((row, index) => row.limitMicroUsd !== rows[index]?.limitMicroUsd);
  if (moved.length === 0) return purses;
  await sql`WITH want AS (SELECT * FROM unnest(${moved.map((row) => row.tenantId)}::int[], ${moved.map((row) => row.scope)}::text[],
      ${moved.map((row) => row.period)}::date[], ${moved.map((row) => row.limitMicroUsd)}::bigint[]) AS d(tenant_id, scope, period, amount)),
    held AS MATERIALIZED (SELECT tenant_id, scope, period FROM tutti.budget WHERE (tenant_id, scope, period) IN (SELECT tenant_id, scope, period FROM want)
      ORDER BY 1, 2, 3 FOR NO KEY UPDATE)
    UPDATE tutti.budget b SET limit_micro_usd = w.amount FROM held h JOIN want w USING (tenant_id, scope, period)
    WHERE b.tenant_id = h.tenant_id AND b.scope = h.scope AND b.period = h.period`.execute(kysely);
  return purses;
}

/** Marks a purse as warned of; true for the first of all engines and processes, who then tells. */
export async function claimWarning(
  kysely: Kysely<Tables>,
  { tenantId, scope, period }: SharedPurse,
): Promise<boolean> {
  const { numAffectedRows } = await sql`UPDATE tutti.budget SET warned_at = clock_timestamp()
    WHERE tenant_id = ${tenantId} AND scope = ${scope} AND period = ${period}::date AND warned_at IS NULL`.execute(
    kysely,
  );
  return numAffectedRows === 1n;
}

/**
 * Claims the warnings of purses that have passed although no engine alone has seen it: several spend from them. A row that a
 * flush holds is left for the next look.
 */
export async function claimPassed(
  kysely: Kysely<Tables>,
  purses: readonly SharedPurse[],
  warnAt: number,
): Promise<readonly BudgetWarning[]> {
  if (purses.length === 0) return [];
  const { rows } =
    await sql<PurseRow>`WITH asked AS (SELECT * FROM unnest(${purses.map((each) => each.tenantId)}::int[],
      ${purses.map((each) => each.scope)}::text[], ${purses.map((each) => each.period)}::date[]) AS d(tenant_id, scope, period)),
    passed AS MATERIALIZED (SELECT tenant_id, scope, period FROM tutti.budget JOIN asked USING (tenant_id, scope, period)
      WHERE warned_at IS NULL AND settled_micro_usd + reserved_micro_usd >= greatest(1, ceil(limit_micro_usd * ${warnAt}::float8))
      ORDER BY 1, 2, 3 FOR NO KEY UPDATE OF budget SKIP LOCKED)
    UPDATE tutti.budget b SET warned_at = clock_timestamp() FROM passed p
    WHERE b.tenant_id = p.tenant_id AND b.scope = p.scope AND b.period = p.period
    RETURNING b.tenant_id, b.scope, b.period, b.limit_micro_usd, b.reserved_micro_usd, b.settled_micro_usd`.execute(
      kysely,
    );
  return rows.map((row) => warningOf(row, row));
}
