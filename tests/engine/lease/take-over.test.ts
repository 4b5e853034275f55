import assert from 'node:assert/strict';
import type pg from 'pg';
import { Lease } from '../../../core/engine/lease/lease.ts';
import { Writer } from '../../support/fixtures/writer.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('a take-over', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 4);
  });

  after(function () {
    return fresh.drop(this);
  });

  it('takes nothing from an engine that lives, and everything when its lease has run out', async () => {
    const writer = await Writer.open(fresh.database, pool);
    const run = await writer.run();
    const successor = new Lease(pool, 'test');
    await successor.take();

    const fromTheLiving = await successor.takeOver();
    await pool.query(`UPDATE tutti.engine SET lease_until = now() - interval '1 s' WHERE id = $1`, [
      writer.lease.boot,
    ]);
    const fromTheDead = await successor.takeOver();

    assert.deepEqual([fromTheLiving, fromTheDead], [0, 1]);
    const { rows } = await pool.query('SELECT owner FROM tutti.run WHERE id = $1', [run.facts.id]);
    assert.deepEqual(rows, [{ owner: null }]);
  });
});
