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
/** Short, for it is waited for. */
const leaseMs = 8_000;

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
      return lab.engine({
        submit: 'crash.hold',
        stays: true,
        converses: false,
        leaseMs,
        items,
        at,
      });
    });
    await lab.until('each stands still, or has ended its run before', async () => {
      const over = await ended();
      return stopped.every(
        (engine, i) => engine.processState() === 'T' || over.includes(`z-${flushes[i]}`),
      );
    });
    // Flushes share commits: a run may need fewer of them than counted on. Its engine owns nothing then, and stands still, too.
    for (const { child } of stopped) child.kill('SIGSTOP');
    const over = await ended();
    assert.ok(over.length < flushes.length, 'no engine stood still in the middle of its run');

    const survivor = lab.engine({ converses: false });
    await lab.until('all runs have ended', async () => (await ended()).length === flushes.length);
    await lab.until('all four have lost their leases', async () => {
      const gone = await lab.query(`SELECT FROM tutti.engine WHERE state = 'gone'`);
      return gone.length === flushes.length;
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
    assert.equal(runs.length, flushes.length);
    // Whose engine stood still first may have been taken over by one that was still to stand still.
    for (const { item, takeovers } of runs)
      assert.ok(over.includes(item) || takeovers > 0, `${item} was not taken over`);
    for (const { id, item } of runs) await assertPaid(lab, { id, items: [item] });
    survivor.child.kill('SIGTERM');
    assert.equal((await survivor.ended).code, 0);
  });

  /** The items whose runs have ended. */
  async function ended(): Promise<readonly string[]> {
    const rows = await lab.query<{ item: string }>(
      `SELECT s.item_key AS item FROM tutti.run r JOIN tutti.step s ON s.run_id = r.id AND s.agent IS NOT NULL WHERE r.ended_at IS NOT NULL`,
    );
    return rows.map(({ item }) => item);
  }

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
