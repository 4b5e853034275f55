import assert from 'node:assert/strict';
import type pg from 'pg';
import { takeTurn } from '../../core/service/turn.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';

const everyMs = 60_000;

describe("an engine's turn", () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 1);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** Whether it is one's turn whose clock shows so many seconds. */
  const turnAt = (name: string, seconds: number) =>
    takeTurn(pool, { name, everyMs, now: new Date(seconds * 1_000) });

  it('comes once in its time, although clocks are some seconds apart', async () => {
    const turns = [];
    for (const seconds of [1_000, 1_010, 995, 1_061]) turns.push(await turnAt('near', seconds));

    assert.deepEqual(turns, [true, false, false, true]);
  });

  it('comes although one whose clock is hours ahead has had it', async () => {
    const turns = [];
    for (const seconds of [9_000, 1_000, 1_010]) turns.push(await turnAt('ahead', seconds));

    assert.deepEqual(turns, [true, true, false]);
  });
});
