import assert from 'node:assert/strict';
import type pg from 'pg';
import { newId } from '../../../core/base/ids.ts';
import { phraseOf } from '../../../core/service/alerts/phrase.ts';
import { risingIn } from '../../../core/service/alerts/rising.ts';
import { standingOf } from '../../../core/service/alerts/standing.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const hour = 3_600_000;
const rule = { kind: 'failures_rising' } as const;
const registry = { schedules: new Map(), calendars: [] };

/** Figures of one agent: failed and ended lately, then before. */
const isRising = (...figures: readonly [number, number, number, number]): boolean => {
  const [failed, ended, pastFailed, pastEnded] = figures;
  return risingIn(rule, [{ agent: 'a.a', failed, ended, pastFailed, pastEnded }]).length > 0;
};

describe('failures that become more frequent', () => {
  it('are told when they are more than chance explains, far below any share that is a limit', () => {
    verifies('R8.prediction');
    assert.ok(isRising(6, 100, 3, 700));
    assert.ok(isRising(5, 100, 0, 700), 'there was none before');
    assert.ok(isRising(300, 1_000, 1_400, 7_000), 'much work tells small differences apart');
  });

  it('are not told for a few, for as many as ever, and where there is no past', () => {
    verifies('R8.prediction');
    assert.ok(!isRising(1, 1, 0, 700), 'one failure says nothing');
    assert.ok(!isRising(4, 100, 0, 700), 'fewer than atLeast');
    assert.ok(!isRising(6, 100, 30, 700), 'a little more, as chance has it');
    assert.ok(!isRising(30, 100, 210, 700), 'as many as ever');
    assert.ok(!isRising(5, 100, 200, 700), 'fewer than ever');
    assert.ok(!isRising(20, 20, 0, 0), 'no past');
    assert.ok(!isRising(5, 8, 0, 2), 'next to no past');
  });
});

describe('the alert of rising failures', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** A run of one agent with so many attempts, the first of which failed. */
  async function store(
    agent: string,
    of: {
      readonly at: Date;
      readonly failed: number;
      readonly ended: number;
      readonly pins?: object;
    },
  ): Promise<void> {
    const own = [1, newId()];
    const { at, failed, ended, pins = {} } = of;
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, created_at, ended_at)
       VALUES ($1, $2, 'lab', 1, $3, 2, '2026-06-30', 'UTC', 'succeeded', '{}', $4, $4)`,
      [...own, pins, at],
    );
    await pool.query(
      `INSERT INTO tutti.step (tenant_id, run_id, id, node, item_key, kind, agent, status, priority, ended_at)
       SELECT $1, $2, i, 'each', i::text, 'task', $3, 'succeeded', 5, $5 FROM generate_series(1, $4::int) i`,
      [...own, agent, ended, at],
    );
    await pool.query(
      `INSERT INTO tutti.attempt (tenant_id, run_id, step, no, worker, started_at, ended_at, outcome, error)
       SELECT $1, $2, i, 1, 'w', $5, $5, CASE WHEN i <= $3 THEN 'failed' ELSE 'succeeded' END, CASE WHEN i <= $3 THEN '{"code": "MODEL_UNAVAILABLE"}'::jsonb END
       FROM generate_series(1, $4::int) i`,
      [...own, failed, ended, at],
    );
  }

  it('names the agent, with the figures of the day and of the week before, in words', async () => {
    verifies('R8.prediction', 'R11.alerts');
    const now = new Date('2026-06-30T06:00:00Z');
    const ago = (hours: number): Date => new Date(now.getTime() - hours * hour);
    for (const agent of ['lab.rises', 'lab.stays']) {
      await store(agent, { at: ago(12), failed: agent === 'lab.rises' ? 8 : 1, ended: 100 });
      await store(agent, { at: ago(48), failed: 1, ended: 400 });
      await store(agent, { at: ago(9 * 24), failed: 90, ended: 100 });
    }
    const rehearsed = { pins: { rehearsal: true }, at: ago(1), failed: 50, ended: 50 };
    await store('lab.stays', rehearsed);

    const standing = await standingOf(rule, { pool, tenantId: 1, now, registry });

    assert.deepEqual(
      standing.map((each) => phraseOf(rule, each)),
      [
        'lab.rises fails more often than before: 8 of 100 attempts of the last 24 hours, 1 of 400 in the 7 days before.',
      ],
    );
    assert.deepEqual(
      await standingOf({ ...rule, atLeast: 9 }, { pool, tenantId: 1, now, registry }),
      [],
    );
    const longer = { ...rule, withinHours: 72, againstDays: 8 };
    assert.deepEqual(await standingOf(longer, { pool, tenantId: 1, now, registry }), []);
    assert.deepEqual(await standingOf(rule, { pool, tenantId: 2, now, registry }), []);
  });
});
