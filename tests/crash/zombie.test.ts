import assert from 'node:assert/strict';
import { assertPaid } from '../support/crash-bars.ts';
import { CrashLab } from '../support/crash-lab.ts';
import type { OracleEntry } from '../support/oracle.ts';
import { verifies } from '../support/verifies.ts';

/**
 * Flushes after which an engine stands still: its run pays once, and the flushes record expansion, start, the payment's intent and its
 * end. A send that is on its way at that very instant cannot be called back by anybody, so there is none.
 */
const flushes = [1, 2, 3, 4];

/** Less than a lease: nobody may take anything over before all stand still. */
const patienceMs = 8_000;

describe('an engine that stood still for longer than its lease', function () {
  this.timeout(300_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
  });
  after(function () {
    return lab.close(this);
  });

  it('finds its runs taken over and finished: it writes and sends nothing more, and ends as fenced', async () => {
    verifies('R9.one-writer', 'R9.take-over', 'R2.heartbeat');
    await lab.oracle.openGate('z');
    const stopped = flushes.map((flush) => {
      const at = `after-flush:${flush}:SIGSTOP`;
      const items = [`z-${flush}`];
      return lab.engine({ submit: 'crash.hold', stays: true, items, at });
    });
    const began = performance.now();
    await lab.until('all engines stand still', async () => {
      // Flushes share commits: one that needed fewer of them than counted on is stopped while it waits for its gate.
      if (performance.now() - began > patienceMs)
        for (const engine of stopped)
          if (engine.processState() !== 'T') engine.child.kill('SIGSTOP');
      return stopped.every((engine) => engine.processState() === 'T');
    });

    const survivor = lab.engine();
    await lab.until('all runs have ended', async () => {
      const rows = await lab.query('SELECT FROM tutti.run WHERE ended_at IS NOT NULL');
      return rows.length === flushes.length;
    });
    const before = await entries();
    const seen = effects().length;
    for (const { child } of stopped) child.kill('SIGCONT');
    const ends = await Promise.all(stopped.map(({ ended }) => ended));

    assert.deepEqual(
      ends.map(({ code, stderr }) => ({ code, stderr: stderr.trim() })),
      flushes.map(() => ({ code: 1, stderr: 'ENGINE_FENCED' })),
    );
    assert.deepEqual(effects().slice(seen), [], 'what was sent late');
    assert.equal(await entries(), before, 'entries');
    assert.equal(seen, flushes.length);
    const runs = await lab.query<{ id: string; takeovers: number; item: string }>(
      `SELECT r.id, r.takeovers, s.item_key AS item FROM tutti.run r JOIN tutti.step s ON s.run_id = r.id AND s.agent IS NOT NULL WHERE r.status = 'succeeded'`,
    );
    assert.deepEqual(
      runs.map(({ item, takeovers }) => [item, takeovers]).toSorted(),
      flushes.map((flush) => [`z-${flush}`, 1]),
    );
    for (const { id, item } of runs) await assertPaid(lab, { id, items: [item] });
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
