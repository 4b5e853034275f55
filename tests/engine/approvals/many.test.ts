import assert from 'node:assert/strict';
import type pg from 'pg';
import { systemClock } from '../../../core/base/clock.ts';
import { ApplyRuns } from '../../../core/engine/approvals/apply.ts';
import { SetAside } from '../../../core/engine/set-aside.ts';
import { Store } from '../../../core/engine/store/store.ts';
import type { Registry } from '../../../core/sdk/registry.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const tool = 'yard.crate.mark';
const runId = '01980000-0000-7000-8000-000000000001';
const rounds = 8;
/** Of each round, with four payloads each, as a night of the sample company leaves them. */
const proposals = 100;
/** A look takes milliseconds; one that compares everything with everything takes minutes. */
const patienceMs = 5_000;

describe('what people have granted among many proposals that nobody has decided', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;
  let tenantId: number;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 1);
    tenantId = await new Store(pool).tenant('yard');
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor)
       VALUES ($1, $2, 'night', 1, '{}', 2, '2026-06-30', 'UTC', 'succeeded', '{}')`,
      [tenantId, runId],
    );
    await pool.query(`SET statement_timeout = ${patienceMs}`);
  });
  after(function () {
    return fresh.drop(this);
  });

  it('gets its run at once while the database has looked at none of its tables yet', async () => {
    verifies('R12.approvals');
    const errors: unknown[] = [];
    const applies = new ApplyRuns({
      pool,
      store: new Store(pool),
      registry: { tools: new Map([[tool, {}]]) as unknown as Registry['tools'] },
      aside: new SetAside(systemClock, (_, error) => errors.push(error)),
    });
    // What the planner takes for cheap changes as the tables grow.
    for (let round = 1; round <= rounds; round += 1) {
      await propose(round);
      await applies.submit();

      const granted = await grantLast();
      await applies.submit();

      const { rows } = await pool.query(`SELECT key FROM tutti.run WHERE key LIKE 'apply:%'`);
      assert.equal(rows.length, round);
      assert.ok(rows.some(({ key }) => key === `apply:${granted}`));
    }
    assert.deepEqual(errors, []);
  });

  /** Proposals of one more round, each with its question. */
  async function propose(round: number): Promise<void> {
    await pool.query(
      `WITH made AS (SELECT n, sha256(int4send(n)) AS key FROM generate_series($3::int, $4) n),
        payloads AS (INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body)
          SELECT $1, $2, n * 4 + part, 'arguments', 'json', '\\x00', 2, '{"args":{}}' FROM made, generate_series(0, 3) part),
        effects AS (INSERT INTO tutti.effect (tenant_id, key, run_id, step, seq, tool, contract, actor, args_sha256, state)
          SELECT $1, key, $2, n, n * 4, $5, '\\x00', '{"kind":"agent","id":"yard.clerk"}', '\\x00', 'proposed' FROM made)
       INSERT INTO tutti.approval (tenant_id, id, effect_key, effect_run, effect_seq, waits, digest, tier, required, state, requested_by, expires_at)
       SELECT $1, gen_random_uuid(), key, $2, n * 4, false, '\\x00', '', 1, 'open', '{}', now() + interval '1 day' FROM made`,
      [tenantId, runId, round * proposals, (round + 1) * proposals - 1, tool],
    );
  }

  /** Somebody says yes to one of those that are open; its id. */
  async function grantLast(): Promise<string> {
    const { rows } = await pool.query<{ id: string }>(
      `WITH granted AS (UPDATE tutti.approval SET state = 'granted', closed_at = now()
         WHERE id = (SELECT id FROM tutti.approval WHERE state = 'open' ORDER BY effect_seq DESC LIMIT 1) RETURNING tenant_id, id)
       INSERT INTO tutti.approval_vote (tenant_id, approval_id, actor_id, decision, at)
       SELECT tenant_id, id, 'anna', 'granted', now() FROM granted RETURNING approval_id AS id`,
    );
    return String(rows[0]?.id);
  }
});
