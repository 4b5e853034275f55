import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { systemClock } from '../../core/base/clock.ts';
import { Freshness } from '../../core/ports/erp/freshness.ts';
import { Quarantine, type QuarantineOptions } from '../../worker/pool/quarantine.ts';
import { briefFlags } from '../support/brief-flags.ts';
import { eventually } from '../support/eventually.ts';
import {
  heldLease,
  Jobs,
  type LabPool,
  labSetup,
  openLabPool,
  until,
} from '../support/lab-pool.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

/** What ends the process, or makes it be ended, with the reason that is told. */
const deadly: readonly (readonly [string, RegExp])[] = [
  ['sigkill', /its process was ended by SIGKILL/],
  ['sigsegv', /its process was ended by SIGSEGV/],
  ['sigstop', /did not yield/],
  ['leap', /memory|did not yield/],
  ['buffers', /MB of buffers/],
  ['native', /did not yield/],
  ['real_exit', /exited with code: 1/],
];

/** One step of one run. */
const same = { runId: 'r', stepPath: 'same' };

describe('the quarantine', () => {
  let lab: LabPool;

  before(async () => {
    lab = await openLabPool(1);
  });
  after(() => lab.pool.stop());

  const suspect = (what: string) => lab.jobs.send('fault', { what }, { alone: true });

  for (const [what, reason] of deadly) {
    it(`survives '${what}' and proves it guilty; the lanes notice nothing`, async () => {
      verifies('R8.quarantine', 'R8.isolation');
      const beside = lab.jobs.send('waiter', { ms: 200 });

      const ended = await suspect(what).ended;

      assert.ok(ended.kind === 'lost' && ended.suspect, JSON.stringify(ended));
      assert.match(ended.reason, reason);
      assert.equal((await beside.ended).kind, 'succeeded');
      const { lanes, ready, zombies, restarts } = lab.pool.health;
      assert.deepEqual([lanes, ready, zombies, restarts], [1, 1, 0, 0]);
    });
  }

  it('tells who waits for it', async () => {
    verifies('R2.explain', 'R8.quarantine');
    const sent = ['a', 'b'].map((id) => lab.jobs.send('quick', { id }, { alone: true }));
    const waits = sent.map(({ ref }) => [ref, { kind: 'quarantine' }]);
    // One that was there from before may have taken the first.
    assert.deepEqual([...lab.pool.awaiting].at(-1), waits.at(-1));
    assert.equal(lab.jobs.begun.has(sent[1]?.ref ?? 0), false);

    await Promise.all(sent.map(({ ended }) => ended));
    assert.equal(lab.pool.awaiting.size, 0);
    for (const { ref } of sent) assert.ok(lab.jobs.begun.has(ref));
  });

  it('runs innocent suspects one after the other, in one process that starts again after a guilty one', async () => {
    verifies('R8.quarantine');
    const jobs = [
      lab.jobs.send('quick', { id: 'a' }, { alone: true }),
      suspect('sigkill'),
      lab.jobs.send('quick', { id: 'b' }, { alone: true }),
      lab.jobs.send('quick', { id: 'c' }, { alone: true }),
    ];

    const ends = await Promise.all(jobs.map(({ ended }) => ended));

    assert.deepEqual(
      ends.map(({ kind }) => kind),
      ['succeeded', 'lost', 'succeeded', 'succeeded'],
    );
  });

  it('finds nobody guilty of what one before may have left behind: it runs again, in a process that is its own', async () => {
    verifies('R8.quarantine');
    using folder = scratchFolder({});
    process.env.LAB_GATE = join(folder.path, 'gate');
    const { quarantine, jobs } = lonely({});
    try {
      const suspects = (what: string) => jobs.send('fault', { what }, { alone: true, ...same });
      assert.equal((await suspects('leftover').ended).kind, 'succeeded');
      const innocent = suspects('signal_ignored');
      await until(() => jobs.begun.has(innocent.ref), 'the innocent runs');
      writeFileSync(process.env.LAB_GATE, '');
      const unproven = await innocent.ended;
      assert.ok(unproven.kind === 'lost' && unproven.suspect === null, JSON.stringify(unproven));

      // Another one goes first, and ends well.
      const [before, again] = [
        jobs.send('quick', { id: 'a' }, { alone: true }),
        suspects('sigkill'),
      ];
      assert.equal((await before.ended).kind, 'succeeded');
      const proven = await again.ended;
      assert.ok(proven.kind === 'lost' && proven.suspect, JSON.stringify(proven));
    } finally {
      delete process.env.LAB_GATE;
      await quarantine.stop();
    }
  });

  it('ends a suspect that is cancelled, whether it waits or runs', async () => {
    verifies('R8.cancel');
    const first = suspect('signal_ignored');
    const second = suspect('signal_ignored');
    const error = { code: 'CANCELLED', message: 'by the test' } as const;

    lab.pool.cancel(second.ref, error);
    assert.equal((await second.ended).kind, 'failed');
    // The first may still wait for its process.
    lab.pool.cancel(first.ref, error);
    assert.equal((await first.ended).kind, 'failed');
  });

  it('ends its process when no suspect has come for a while, and starts one for the next', async () => {
    verifies('R3.cleanup');
    const { quarantine, jobs } = lonely({ idleMs: 50 });
    try {
      assert.equal(quarantine.watched.length, 0);
      for (let times = 0; times < 2; times += 1) {
        const { ended } = jobs.send('quick', { id: 'a' }, { alone: true });
        assert.equal((await ended).kind, 'succeeded');
        assert.equal(quarantine.watched.length, 1);
        await until(() => quarantine.watched.length === 0, 'the process is ended');
      }
    } finally {
      await quarantine.stop();
    }
  });

  it('tells the suspects that wait when its process cannot start', async () => {
    const configUrl = new URL('../support/fixtures/broken.config.ts', import.meta.url).href;
    const { quarantine, jobs } = lonely({ setup: { ...labSetup, configUrl } });
    try {
      const ended = await jobs.send('quick', { id: 'a' }, { alone: true }).ended;

      assert.ok(ended.kind === 'failed', JSON.stringify(ended));
      assert.match(ended.error.message, /does not start: .*the crate module needs its scales/);
    } finally {
      await quarantine.stop();
    }
  });

  it('has no process where agents have all files open: that is told, and ends no engine', function () {
    verifies('R8.quarantine', 'R8.isolation');
    if (process.platform === 'win32') this.skip();
    const fixture = new URL('../support/fixtures/full-engine.ts', import.meta.url);
    const limited = ['-c', 'ulimit -n 100; exec "$@"', 'sh'];

    const { stdout, stderr, status } = spawnSync(
      'sh',
      [...limited, process.execPath, ...briefFlags, fileURLToPath(fixture)],
      { encoding: 'utf8' },
    );

    assert.match(stdout, /its process did not start: .*EMFILE/, stderr);
    assert.equal(status, 0, stderr);
  });

  it('does not outlive its engine, even under a suspect that never yields', async () => {
    verifies('R3.cleanup');
    using folder = scratchFolder({});
    const log = join(folder.path, 'pid');
    const fixture = new URL('../support/fixtures/suspect-engine.ts', import.meta.url);
    const engine = spawn(process.execPath, [...briefFlags, fileURLToPath(fixture)], {
      env: { ...process.env, LAB_LOG: log },
      stdio: 'inherit',
    });
    try {
      await until(() => existsSync(log) && readFileSync(log, 'utf8') !== '', 'the suspect runs');
      const pid = Number(readFileSync(log, 'utf8'));
      assert.ok(isAlive(pid));

      engine.kill('SIGKILL');

      await eventually(() => !isAlive(pid));
    } finally {
      engine.kill('SIGKILL');
    }
  });
});

/** A quarantine without a pool. */
function lonely(options: Partial<QuarantineOptions>): {
  readonly quarantine: Quarantine;
  readonly jobs: Jobs;
} {
  const jobs = new Jobs(() => ({
    run(job) {
      quarantine.run(job);
      return 'quarantine';
    },
    tell: (message) => quarantine.tell(message),
  }));
  const quarantine = new Quarantine({
    setup: labSetup,
    clock: systemClock,
    lease: heldLease(),
    freshness: new Freshness(),
    events: jobs,
    ...options,
  });
  return { quarantine, jobs };
}

/** Whether a process runs; one that has ended and waits for its parent to look does not. */
function isAlive(pid: number): boolean {
  const { stdout } = spawnSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' });
  return stdout.trim() !== '' && !stdout.startsWith('Z');
}
