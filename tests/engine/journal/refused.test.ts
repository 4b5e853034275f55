import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { Store } from '../../../core/engine/store/store.ts';
import { briefFlags } from '../../support/brief-flags.ts';
import { compileCacheEnv } from '../../support/compile-cache.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const program = fileURLToPath(new URL('../../support/fixtures/refused-flush.ts', import.meta.url));
const period = '2026-06-30';

describe('a flush of which the database refuses a step', function () {
  this.timeout(120_000);
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 2);
    const store = new Store(pool);
    await store.openBudgets(1, [{ scope: 'tenant', limitMicroUsd: 1_000_000 }], period);
  });
  after(function () {
    return fresh.drop(this);
  });

  /** A journal that dies before its flush of this number; null: it has come to its end. */
  async function dies(
    { place, end }: Readonly<Record<'place' | 'end', string>>,
    at: number,
  ): Promise<{ runId: string; isKilled: boolean }> {
    await pool.query('UPDATE tutti.budget SET reserved_micro_usd = 0, settled_micro_usd = 0');
    const child = spawn(process.execPath, [...briefFlags, program, fresh.url, place, end], {
      env: {
        ...process.env,
        ...compileCacheEnv,
        CRASH_AT: `before-flush:${at}`,
        CRASH_FROM: undefined,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let [stdout, stderr] = ['', ''];
    child.stdout.on('data', (part: Buffer) => {
      stdout += part;
    });
    child.stderr.on('data', (part: Buffer) => {
      stderr += part;
    });
    const [code, signal] = await once(child, 'close');
    assert.ok(signal === 'SIGKILL' || code === 0, `${code} ${signal} ${stderr}`);
    return { runId: stdout.trim(), isKilled: signal === 'SIGKILL' };
  }

  const rowsOf = async <T extends pg.QueryResultRow>(text: string, runId: string) =>
    (await pool.query<T>(text, [runId])).rows;

  /** Whoever goes on from here finds what a journal may say. */
  async function assertConsistent(runId: string, where: string): Promise<string> {
    const steps = await rowsOf<{ name: string; status: string }>(
      'SELECT item_key AS name, status FROM tutti.step WHERE run_id = $1',
      runId,
    );
    const {
      one = '',
      two = '',
      last = '',
      list = '',
      ...rest
    } = Object.fromEntries(steps.map(({ name, status }) => [name, status]));
    if (two || last) assert.equal(one, 'succeeded', `${where}: what follows is there before it`);
    if (list === 'succeeded') assert.deepEqual([two, last], ['skipped', 'skipped'], where);

    const entries = await rowsOf<{ seq: number; kind: string }>(
      'SELECT seq, kind FROM tutti.entry WHERE run_id = $1 ORDER BY xmin::text::bigint, seq',
      runId,
    );
    const seqs = entries.map(({ seq }) => Number(seq));
    assert.deepEqual(
      seqs,
      seqs.toSorted((a, b) => a - b),
      `${where}: out of order`,
    );

    const effects = await rowsOf<{ seq: number }>(
      'SELECT seq FROM tutti.effect WHERE run_id = $1',
      runId,
    );
    for (const { seq } of effects) assert.ok(seqs.includes(Number(seq)), `${where}: no intent`);
    assert.equal(effects.length, two === 'running' ? 2 : 1, where);

    const [money] = await rowsOf(
      `SELECT reserved_micro_usd::int AS reserved, settled_micro_usd::int AS settled,
         (SELECT coalesce(sum(reserved_micro_usd) FILTER (WHERE state = 'reserved'), 0)::int FROM tutti.ledger WHERE run_id = $1) AS open,
         (SELECT coalesce(sum(cost_micro_usd), 0)::int FROM tutti.ledger WHERE run_id = $1) AS cost FROM tutti.budget`,
      runId,
    );
    assert.deepEqual([money?.reserved, money?.settled], [money?.open, money?.cost], where);

    const [run] = await rowsOf<{ isEnded: boolean; status: string }>(
      'SELECT ended_at IS NOT NULL AS "isEnded", status FROM tutti.run WHERE id = $1',
      runId,
    );
    if (!run?.isEnded) return 'open';
    assert.deepEqual([rest.bad, list], ['failed', 'succeeded'], `${where}: ended before its steps`);
    assert.equal(money?.open, 0, `${where}: ended with money reserved`);
    return run.status;
  }

  for (const [end, ended] of [
    ['ends', 'partial'],
    ['goes', 'open'],
  ] as const)
    for (const place of ['first', 'middle', 'last'])
      it(`leaves what a new owner can go on from, wherever its engine is killed: the ${place} step, of a run that ${end === 'goes' ? 'goes on' : 'ends'}`, async () => {
        verifies('R8.crash', 'R8.isolation', 'R9.events');
        const ends: string[] = [];
        for (let at = 2, isKilled = true; isKilled; at += 1) {
          const death = await dies({ place, end }, at);
          isKilled = death.isKilled;
          const found = await assertConsistent(death.runId, `${place} before flush ${at}`);
          ends.push(isKilled ? 'killed' : found);
        }

        // One that is refused, one without the step, one for what was still to be said of it.
        assert.deepEqual(ends, ['killed', 'killed', 'killed', ended]);
      });
});
