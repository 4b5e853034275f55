import assert from 'node:assert/strict';
import { fileURLToPath } from 'node:url';
import { type Running, startCli } from '../bin/cli.ts';
import { assertPaid, type WorkRun } from '../support/crash-bars.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const config = fileURLToPath(new URL('../support/fixtures/crash.config.ts', import.meta.url));
/** The workflow starts so many of its items at once. */
const atOnce = 100;
const inAll = 120;
/** What running steps get to end in; long, so that it is never what ends them. */
const patienceMs = 120_000;
const drainedWithinMs = 60_000;
const endedWithinMs = 60_000;

describe('a server that is asked to end with work in flight', function () {
  this.timeout(300_000);
  const folder = scratchFolder({});
  /** Runs whose server has ended, and whose gates are open. */
  const left: WorkRun[] = [];
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
  });
  after(async function () {
    await lab.close(this);
    folder[Symbol.dispose]();
  });

  /** A server with a run whose first steps wait at a gate. */
  async function serving(gate: string, drainMs = patienceMs) {
    const place = {
      cwd: folder.path,
      env: {
        ...{ DATABASE_URL: lab.fresh.url, ...lab.oracle.env, ORACLE_MODEL_URL: '' },
        LAB_DRAIN_MS: String(drainMs),
      },
    };
    const server = startCli(place, ['serve', '--port', '0', '--config', config]);
    await server.says(/Serving until/);
    const items = Array.from({ length: inAll }, (_, index) => `${gate}-${index}`);
    const run = { id: await lab.submit('crash.hold', items), items };
    await lab.until('the first steps run', async () => (await running(run)) === atOnce);
    return { server, run };
  }

  async function running({ id }: WorkRun): Promise<number> {
    const rows = await lab.query(
      `SELECT FROM tutti.step WHERE run_id = $1 AND status = 'running' AND agent IS NOT NULL`,
      [id],
    );
    return rows.length;
  }

  async function end({ child, ended }: Running, signals: readonly NodeJS.Signals[]) {
    const from = performance.now();
    for (const signal of signals) child.kill(signal);
    const { code, stderr } = await ended;
    return { code, stderr, tookMs: performance.now() - from };
  }

  it('claims nothing more, starts nothing more, and lets what runs end', async () => {
    verifies('R13.graceful', 'R9.message-queue', 'R10.shutdown');
    const { server, run } = await serving('finish');
    const ending = end(server, ['SIGTERM']);
    await server.says(/Ending/);
    const late = await lab.submit('crash.hold', ['finish-late']);
    await lab.oracle.openGate('finish');

    const { code, stderr, tookMs } = await ending;

    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.ok(tookMs <= drainedWithinMs, `it took ${tookMs} ms`);
    const steps = await lab.query(
      `SELECT status, attempt > 0 AS begun, count(*)::int AS steps FROM tutti.step WHERE run_id = $1 AND agent IS NOT NULL GROUP BY 1, 2 ORDER BY 3`,
      [run.id],
    );
    assert.deepEqual(
      steps.map(({ begun, steps }) => ({ begun, steps })),
      [
        { begun: false, steps: inAll - atOnce },
        { begun: true, steps: atOnce },
      ],
    );
    assert.equal(steps[1]?.status, 'succeeded');
    const queued = await lab.query('SELECT status, owner FROM tutti.run WHERE id = $1', [late]);
    assert.deepEqual(queued, [{ status: 'queued', owner: null }]);
    left.push(run);
  });

  it('records what does not end in time as interrupted, without blame', async () => {
    verifies('R13.graceful', 'R10.shutdown');
    const { server, run } = await serving('checkpoint', 500);

    const { code, stderr, tookMs } = await end(server, ['SIGTERM']);

    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    assert.ok(tookMs <= drainedWithinMs, `it took ${tookMs} ms`);
    const attempts = await lab.query(
      `SELECT a.outcome, a.error->>'code' AS code, s.crashes, count(*)::int AS attempts FROM tutti.attempt a JOIN tutti.step s ON s.run_id = a.run_id AND s.id = a.step
       WHERE a.run_id = $1 GROUP BY 1, 2, 3`,
      [run.id],
    );
    assert.deepEqual(attempts, [
      { outcome: 'lost', code: 'ENGINE_STOPPED', crashes: 0, attempts: atOnce },
    ]);
    await lab.oracle.openGate('checkpoint');
    left.push(run);
  });

  it('ends at once at a second signal', async () => {
    verifies('R13.graceful');
    const { server, run } = await serving('twice');
    server.child.kill('SIGTERM');
    await server.says(/Ending/);

    const { code, tookMs } = await end(server, ['SIGTERM']);

    assert.equal(code, 143);
    assert.ok(tookMs <= endedWithinMs, `it took ${tookMs} ms`);
    await lab.oracle.openGate('twice');
    left.push(run);
  });

  it('leaves runs that the next engine goes on with, each time: everything happens once, and nothing is lost', async () => {
    verifies('R8.crash', 'R9.restart');
    assert.equal(left.length, 3);
    const next = lab.engine({ converses: false });
    await Promise.all([next.ready, lab.whenEnded(left.map(({ id }) => id))]);
    next.child.kill('SIGTERM');

    const { code, stderr } = await next.ended;
    assert.deepEqual({ code, stderr }, { code: 0, stderr: '' });
    for (const run of left) {
      const rows = await lab.query('SELECT status FROM tutti.run WHERE id = $1', [run.id]);
      assert.deepEqual(rows, [{ status: 'succeeded' }]);
      await assertPaid(lab, run);
    }
  });
});
