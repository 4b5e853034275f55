import { type Host, openHost } from '../../bin/host.ts';
import type { PlanRequest } from '../../core/engine/plan/planner.ts';
import type { FreshDatabase } from './postgres.ts';
import { queryAll } from './rows.ts';

/** The configuration of the yard of crates. */
export const yardConfig: URL = new URL('./fixtures/plan.config.ts', import.meta.url);

/** A host over the yard, without an engine, whose models answer few calls a minute. */
export async function openYard(fresh: FreshDatabase): Promise<Host> {
  return openHost({
    configUrl: `${yardConfig}?slow`,
    databaseUrl: fresh.url,
    dataFolder: '/nonexistent',
    env: {},
  });
}

/** Puts crates into the yard of a tenant. */
export async function stock(
  fresh: FreshDatabase,
  tenantId: number,
  crates: Readonly<Record<string, string>>,
): Promise<void> {
  await fresh.database.admin(async (client) => {
    for (const [id, label] of Object.entries(crates))
      await client.query(
        `INSERT INTO erp.yard_crate (tenant_id, id, number, label) VALUES ($1, $2, $2, $3)
         ON CONFLICT (tenant_id, id) DO UPDATE SET label = excluded.label`,
        [tenantId, id, label],
      );
  });
}

/** A round over the yard. */
export function roundOf(tenantId: number, input: unknown = {}): PlanRequest {
  const day = { businessDate: '2026-06-30', timeZone: 'Europe/Berlin' };
  return { tenantId, workflow: 'round', input, ...day };
}

const writtenTo = [
  'run',
  'step',
  'attempt',
  'entry',
  'payload',
  'effect',
  'ledger',
  'finding',
  'triage',
  'budget',
  'definition',
];

/** How many rows each table has that a run writes. */
export async function rowCounts({ database }: FreshDatabase): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of writtenTo) {
    const [row] = await queryAll<{ count: number }>(
      database,
      `SELECT count(*)::int AS count FROM tutti.${table}`,
    );
    counts[table] = row?.count ?? 0;
  }
  return counts;
}
