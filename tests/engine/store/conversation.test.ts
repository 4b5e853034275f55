import assert from 'node:assert/strict';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const tenantId = 1;
const steps = 3_000;

/** A node of what `EXPLAIN (ANALYZE, FORMAT JSON)` says. */
interface PlanNode {
  readonly 'Relation Name'?: string;
  readonly 'Actual Rows': number;
  readonly 'Actual Loops': number;
  readonly 'Rows Removed by Filter'?: number;
  readonly 'Rows Removed by Index Recheck'?: number;
  readonly Plans?: readonly PlanNode[];
}

describe('the conversation of a step that goes on', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  const runId = newId();

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
    // Each step was begun, lost with its engine, and begun anew; since then its model has answered, and its tools.
    await pool.query(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, attempt, kind, data)
       SELECT ${tenantId}, $1, k.no * ${steps} + s, s, 1, k.kind, k.data
       FROM generate_series(1, ${steps}) s CROSS JOIN (VALUES
         (0, 'step.started', '{}'::jsonb), (1, 'turn.ended', '{"stop":"tools"}'), (2, 'step.started', '{}'), (3, 'turn.ended', '{"stop":"tools"}'),
         (4, 'tool.called', '{}'), (5, 'turn.answered', '{}'), (6, 'step.started', '{"recorded":1}')) k (no, kind, data)`,
      [runId],
    );
    await pool.query(
      `INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body)
       SELECT tenant_id, run_id, seq, 'model', 'json', '', 0, convert_to(CASE kind WHEN 'turn.ended' THEN json_build_array(json_build_object('kind', 'text', 'text', seq::text))::text
         ELSE '{"results":[]}' END, 'UTF8')
       FROM tutti.entry WHERE run_id = $1 AND kind LIKE 'turn.%'`,
      [runId],
    );
  });

  after(function () {
    return fresh.drop(this);
  });

  it('is what was said since its last start that began one', async () => {
    verifies('R9.restart');
    const turns = await new Store(pool).conversation(tenantId, runId, 1_234);

    const text = String(3 * steps + 1_234);
    assert.deepEqual(turns, [
      {
        said: `[{"kind" : "text", "text" : "${text}"}]`,
        stop: 'tools',
        answered: '{"results":[]}',
      },
    ]);
  });

  for (const [when, prepare] of [
    ['before anybody has counted its rows', 'SELECT 1'],
    ['afterwards', 'ANALYZE'],
  ] as const)
    it(`is read by its step, and not by reading all that its run has been through, ${when}`, async () => {
      await fresh.database.admin((client) => client.query(prepare));
      const plans: PlanNode[] = [];
      await new Store(explaining(pool, plans)).conversation(tenantId, runId, 1_234);

      const [plan] = plans;
      assert.ok(plan);
      const touched = rowsOf(plan, /^(entry|payload)_/);
      assert.ok(touched > 0 && touched < 30, `${touched} rows: ${JSON.stringify(plan)}`);
    });
});

/** A pool whose statements are not answered but explained. */
function explaining(pool: pg.Pool, plans: PlanNode[]): pg.Pool {
  const query = async (text: string, values: readonly unknown[]) => {
    const { rows } = await pool.query<{ 'QUERY PLAN': readonly { readonly Plan: PlanNode }[] }>(
      `EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) ${text}`,
      [...values],
    );
    for (const { Plan: plan } of rows[0]?.['QUERY PLAN'] ?? []) plans.push(plan);
    return { rows: [] };
  };
  return { query } as unknown as pg.Pool;
}

/** Rows of some tables that a plan has looked at, whether or not it kept them. */
function rowsOf(node: PlanNode, tables: RegExp): number {
  const { Plans = [], 'Actual Loops': loops } = node;
  const removed =
    (node['Rows Removed by Filter'] ?? 0) + (node['Rows Removed by Index Recheck'] ?? 0);
  const own = tables.test(node['Relation Name'] ?? '')
    ? (node['Actual Rows'] + removed) * loops
    : 0;
  return Plans.reduce((sum, each) => sum + rowsOf(each, tables), own);
}
