import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join as pathTo } from 'node:path';
import { type Cluster, locateCluster } from '../../../core/ports/db/embedded/cluster.ts';
import { join } from '../../../core/ports/db/embedded/join.ts';
import {
  isPostgresOf,
  postmasterPid,
  stopPostmaster,
} from '../../../core/ports/db/embedded/postmaster.ts';
import { openEmbedded } from '../../../core/ports/db/embedded.ts';
import { eventually } from '../../support/eventually.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { verifies } from '../../support/verifies.ts';

describe('joining a data folder whose server lives and does not answer', function () {
  this.timeout(180_000);
  let folder: ReturnType<typeof scratchFolder>;
  let cluster: Cluster;
  let mute: ChildProcess;
  /** What the process is warned of; it is not printed here. */
  let warnings: string[];
  const { emitWarning } = process;

  before(async function () {
    // Elsewhere a process is not known by the folder in which it stands.
    if (process.platform !== 'linux') return this.skip();
    folder = scratchFolder({});
    await (await openEmbedded({ dataFolder: folder.path })).leave();
    cluster = await locateCluster(folder.path, 'socket');
  });
  after(() => folder?.[Symbol.dispose]());

  /** Stands where a server stands that has come up as far as its pid file, and will never listen. */
  beforeEach(async () => {
    warnings = [];
    process.emitWarning = (warning) => void warnings.push(String(warning));
    mute = spawn('sleep', ['600'], { cwd: cluster.folder });
    await eventually(() => isPostgresOf(cluster, Number(mute.pid)));
    const lines = [mute.pid, cluster.folder, 1, 5432, '/nonexistent', '*'];
    writeFileSync(pathTo(cluster.folder, 'postmaster.pid'), `${lines.join('\n')}\n`);
  });
  afterEach(() => {
    process.emitWarning = emitWarning;
    mute.kill('SIGKILL');
  });

  /** Ends a session, and the server that was started for it. */
  async function leave({ client }: Awaited<ReturnType<typeof join>>): Promise<void> {
    await client.end();
    const pid = postmasterPid(cluster);
    await stopPostmaster(cluster, pid, async () => '');
    await eventually(() => !isPostgresOf(cluster, pid));
  }

  it('waits as long as its process lives, and says what for', async () => {
    verifies('R9.own-database');
    const joined = join(cluster, undefined, { silentMs: 200, mutedMs: 120_000 });

    const message = await eventually(() => warnings[0]);
    mute.kill('SIGKILL');
    const session = await joined;

    assert.equal(warnings.length, 1);
    assert.match(
      message,
      new RegExp(`waits for .*process ${mute.pid} runs its server in .*ENOENT`),
    );
    assert.equal((await session.client.query('SELECT 1 AS one')).rowCount, 1);
    await leave(session);
  });

  it('does not take a time in which it stood still itself for silence of the server', async () => {
    const joined = join(cluster, undefined, { silentMs: 200, mutedMs: 120_000 });
    await eventually(() => warnings[0]);

    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
    mute.kill('SIGKILL');

    await leave(await joined);
  });

  it('gives up in the end, and names the process', async () => {
    await assert.rejects(join(cluster, undefined, { silentMs: 100, mutedMs: 400 }), {
      code: 'DB_UNAVAILABLE',
      message: new RegExp(`process ${mute.pid} runs its server`),
    });
  });
});
