import assert from 'node:assert/strict';
import type { SampleRow } from '../../../core/engine/schedule/attempt-samples.ts';
import { endedAttempts, toSample } from '../../../core/engine/schedule/attempt-samples.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

describe('endedAttempts', () => {
  let fresh: FreshDatabase;
  let past: Past;

  before(async () => {
    fresh = await freshDatabase();
    past = new Past(fresh.database);
  });

  after(function () {
    return fresh.drop(this);
  });

  const read = (runs?: number): Promise<readonly SampleRow[]> =>
    fresh.database.asTenant(
      1,
      async (transaction) => (await endedAttempts(1, runs).execute(transaction)).rows,
    );

  /** Adds what an attempt of a step would have noted. */
  async function note(run: string, step: number, entries: readonly [string, object][]) {
    const pool = fresh.database.pool('tutti_engine', 1);
    for (const [index, [kind, data]] of entries.entries())
      await pool.query(
        'INSERT INTO tutti.entry (tenant_id, run_id, seq, step, attempt, kind, data) VALUES (1, $1, $2, $3, 1, $4, $5)',
        [run, 100 + step * 10 + index, step, kind, data],
      );
    await pool.end();
  }

  it('reads what attempts of the newest ended runs took, turn by turn', async () => {
    const old = await past.plant({ at: new Date('2026-03-01T20:00:00Z'), keys: ['a'] });
    const newer = await past.plant({ at: new Date('2026-03-02T20:00:00Z'), keys: ['a', 'b', 'c'] });
    const open = await past.plant({
      at: new Date('2026-03-03T20:00:00Z'),
      keys: ['a'],
      endedAt: null,
    });
    const turn = (durationMs: number, tokens: object | null) =>
      ['turn.ended', { durationMs, tokens }] as [string, object];
    await note(old, 0, [['step.started', { mode: 'playbook' }]]);
    await note(newer, 0, [
      ['step.started', { mode: 'model' }],
      turn(900, { input: 10, output: 2 }),
      turn(50, null),
      turn(400, { input: 30, output: 4 }),
    ]);
    await note(newer, 1, [['step.started', { mode: 'playbook', agent: 'other.clerk' }]]);
    await note(newer, 2, [
      ['step.started', { mode: 'model', recorded: 1 }],
      turn(9, { input: 1, output: 1 }),
    ]);
    await note(open, 0, [['step.started', { mode: 'playbook' }]]);

    const rows = await read();

    assert.equal(rows.length, 3);
    assert.equal((await read(1)).length, 2);
    assert.deepEqual(
      rows
        .map((row) => toSample(row))
        .toSorted((a, b) => (a?.turns.length ?? 0) - (b?.turns.length ?? 0))
        .at(-1),
      {
        agent: 'lab.worker',
        mode: 'model',
        turns: [
          { ms: 900, thenMs: null, input: 10, output: 2 },
          { ms: 400, thenMs: null, input: 30, output: 4 },
        ],
        ownMs: 0,
      },
    );
    assert.deepEqual(rows.map(({ agent, mode }) => `${agent} ${mode}`).toSorted(), [
      'lab.worker model',
      'lab.worker playbook',
      'other.clerk playbook',
    ]);
  });

  it('takes the time of a playbook as its own, and nothing of a row without a mode or turns of its model', () => {
    const row = { agent: 'a.b', durationMs: 120, turns: null };

    assert.equal(toSample({ ...row, mode: 'playbook' })?.ownMs, 120);
    assert.equal(toSample({ ...row, mode: null }), null);
    assert.equal(toSample({ ...row, mode: 'model' }), null);
  });
});
