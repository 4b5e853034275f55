import assert from 'node:assert/strict';
import { assertWhole } from '../support/crash-bars.ts';
import { CrashLab } from '../support/crash-lab.ts';
import type { OracleEntry } from '../support/oracle.ts';
import { verifies } from '../support/verifies.ts';

/** Flushes of a run after which its engine stands still: intents, starts, ends and turns are in them. */
const flushes = [5, 9, 13, 17, 21, 25];

describe('an engine that stood still for longer than its lease', function () {
  this.timeout(120_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
    lab.review();
  });
  after(function () {
    return lab.close(this);
  });

  it('finds its runs taken over and finished: it writes and sends nothing more, and ends as fenced', async () => {
    verifies('R9.one-writer', 'R9.take-over', 'R2.heartbeat');
    const stopped = flushes.map((flush) => {
      const items = [1, 2, 3, 4].map((number) => `z${flush}-${number}`);
      const at = `after-flush:${flush}:SIGSTOP`;
      return { items, engine: lab.engine({ submit: 'crash.work', stays: true, items, at }) };
    });
    await lab.until('all engines stand still', async () => {
      return stopped.every(({ engine }) => engine.processState() === 'T');
    });

    const survivor = lab.engine();
    await lab.until('all runs have ended', async () => {
      const rows = await lab.query('SELECT FROM tutti.run WHERE ended_at IS NOT NULL');
      return rows.length === flushes.length;
    });
    const before = await entries();
    const seen = effects().length;
    for (const { engine } of stopped) engine.child.kill('SIGCONT');
    const ends = await Promise.all(stopped.map(({ engine }) => engine.ended));

    assert.deepEqual(
      ends.map(({ code, stderr }) => ({ code, stderr: stderr.trim() })),
      flushes.map(() => ({ code: 1, stderr: 'ENGINE_FENCED' })),
    );
    assert.deepEqual(effects().slice(seen), [], 'what was sent late');
    assert.equal(await entries(), before, 'entries');
    const runs = await lab.query<{ id: string; first: string }>(
      `SELECT r.id, convert_from(p.body, 'UTF8')::jsonb->'items'->0->>'id' AS first FROM tutti.run r JOIN tutti.payload p ON p.run_id = r.id AND p.seq = 1`,
    );
    await assertWhole(
      lab,
      runs.map(({ id, first }) => ({
        id,
        items: stopped.find(({ items }) => items.includes(first))?.items ?? [],
      })),
    );
    survivor.child.kill('SIGTERM');
    assert.equal((await survivor.ended).code, 0);
  });

  async function entries(): Promise<number> {
    const [row] = await lab.query<{ entries: number }>(
      'SELECT count(*)::int AS entries FROM tutti.entry',
    );
    return row?.entries ?? 0;
  }

  function effects(): readonly OracleEntry[] {
    return lab.oracle.entries().filter(({ kind }) => kind === 'effect');
  }
});
