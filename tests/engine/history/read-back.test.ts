import assert from 'node:assert/strict';
import type pg from 'pg';
import { Store } from '../../../core/engine/store/store.ts';
import { Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

/** Ended steps of a run; a statement that compares each entry with each payload takes minutes, and the server ends it after 30 s. */
const count = 20_000;

describe('a run of very many steps', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
  });

  after(function () {
    return fresh.drop(this);
  });

  it('is read back while the database knows nothing yet of the size of its tables', async () => {
    verifies('R9.restart');
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const { id } = run.facts;
    await pool.query(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, attempt, kind, data)
       SELECT 1, $1::uuid, 2 * n, n, 1, 'step.succeeded', '{}'::jsonb FROM generate_series(1, $2::int) n UNION ALL
       SELECT 1, $1::uuid, 2 * n - 1, n, 1, 'step.started', '{}'::jsonb FROM generate_series(1, $2::int + 100) n`,
      [id, count],
    );
    await pool.query(
      `INSERT INTO tutti.payload (tenant_id, run_id, seq, class, encoding, sha256, size, body)
       SELECT 1, $1::uuid, 2 * n, 'output', 'json', ''::bytea, 1, convert_to(n::text, 'UTF8') FROM generate_series(1, $2::int) n`,
      [id, count],
    );
    await pool.query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, item_key, kind, agent, status, attempt, priority, critical, started_at, ended_at)
       SELECT 1, $1::uuid, n, 'lines', n, 'task', 'lab.one', CASE WHEN n > $2::int THEN 'running' ELSE 'succeeded' END, 1, 5, true, now(), CASE WHEN n <= $2::int THEN now() END
       FROM generate_series(1, $2::int + 100) n`,
      [id, count],
    );
    const store = new Store(pool);

    const history = await store.history(1, id);
    const { ended, open } = await store.steps(1, id);

    assert.equal(history.length, count);
    assert.ok(history.every(({ step, body }) => body === String(step)));
    assert.deepEqual([ended.size, open.length], [count, 100]);
    assert.ok(open.every(({ recorded }) => recorded === 0));
  });
});
