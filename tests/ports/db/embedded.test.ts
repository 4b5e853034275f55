import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import type { ConnectionConfig } from '../../../core/ports/db/connection.ts';
import { locateCluster } from '../../../core/ports/db/embedded/cluster.ts';
import { openEmbedded } from '../../../core/ports/db/embedded.ts';
import { briefFlags } from '../../support/brief-flags.ts';
import { verifies } from '../../support/verifies.ts';

const isRoot = process.getuid?.() === 0;

describe('embedded server', function () {
  this.timeout(180_000);
  const folders: string[] = [];
  let pristine: string;
  const children: ChildProcess[] = [];

  function aFolder(parent = tmpdir()): string {
    const folder = mkdtempSync(path.join(parent, 'tutti-embedded-'));
    folders.push(folder);
    return folder;
  }

  /** A data folder whose cluster exists already; copying it takes a tenth of making it. */
  function aUsedFolder(): string {
    const folder = aFolder();
    execFileSync('cp', ['-a', path.join(pristine, 'pg'), folder]);
    return folder;
  }

  before(async () => {
    pristine = mkdtempSync(path.join(tmpdir(), 'tutti-pristine-'));
    await (await openEmbedded({ dataFolder: pristine })).leave();
  });
  after(() => removeFolder(pristine));

  /** Another process on the same data folder, in a process group of its own; resolves when it has joined. */
  async function aProcess(dataFolder: string, env: NodeJS.ProcessEnv = {}) {
    const script = path.join(import.meta.dirname, 'fixtures/join-server.ts');
    const child = spawn(process.execPath, [...briefFlags, script, dataFolder], {
      stdio: ['pipe', 'pipe', 'inherit'],
      detached: true,
      env: { ...process.env, ...env },
    });
    children.push(child);
    const [line] = await once(child.stdout, 'data');
    const connection = JSON.parse(String(line)) as ConnectionConfig;
    const leave = async () => {
      child.stdin.end();
      const [code] = await once(child, 'exit');
      assert.equal(code, 0);
    };
    const kill = async () => {
      process.kill(-Number(child.pid), 'SIGKILL');
      await once(child, 'exit');
    };
    return { connection, leave, kill };
  }

  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    for (let folder = folders.shift(); folder; folder = folders.shift()) {
      const pointer = path.join(folder, 'pg.location');
      if (existsSync(pointer)) folders.push(readFileSync(pointer, 'utf8').trim());
      removeFolder(folder);
    }
  });

  it('is started by one of four processes at once, and stopped by the last', async () => {
    verifies('R9.own-database');
    const folder = aFolder();

    const four = await Promise.all(Array.from({ length: 4 }, () => aProcess(folder)));

    const pid = pidOf(folder);
    assert.deepEqual(
      four.map((each) => each.connection),
      Array(4).fill(four[0]?.connection),
    );
    for (const each of four.slice(1)) await each.leave();
    assert.equal(pidOf(folder), pid, 'one process still uses it');
    await four[0]?.leave();
    assert.equal(pidOf(folder), undefined);
    assert.equal(isAlive(pid), false);
  });

  it('outlives a killed process and its whole group, and is adopted by the next', async () => {
    const folder = aUsedFolder();
    const killed = await aProcess(folder);
    const pid = pidOf(folder);

    await killed.kill();
    const next = await openEmbedded({ dataFolder: folder });

    assert.equal(pidOf(folder), pid);
    await isHeldByOne(next.connection, 'the server has noticed the death');
    await next.leave();
    assert.equal(pidOf(folder), undefined, 'the adopting process is the last to leave');
  });

  it('is started again at the same place when its main process is killed', async () => {
    const folder = aUsedFolder();
    const server = await openEmbedded({ dataFolder: folder });
    await query(server.connection, 'CREATE TABLE kept AS SELECT 1 AS one');
    const first = pidOf(folder);

    process.kill(Number(first), 'SIGKILL');
    const rows = await eventually(() => query(server.connection, 'SELECT one FROM kept'));

    assert.deepEqual(rows, [{ one: 1 }]);
    assert.notEqual(pidOf(folder), first);
    await isHeldByOne(server.connection, 'the lock is held again');
    await server.leave();
    assert.equal(pidOf(folder), undefined);
  });

  it('survives a postmaster.pid whose number belongs to another program', async () => {
    const folder = aUsedFolder();
    const stranger = spawn(process.execPath, ['-e', 'setInterval(() => {}, 1e6)'], nobodyIfRoot());
    children.push(stranger);
    const stale = `${stranger.pid}\n${folder}/pg\n1\n5432\n/tmp/nowhere\n\n`;
    writeFileSync(path.join(folder, 'pg/postmaster.pid'), stale);

    const server = await openEmbedded({ dataFolder: folder });

    assert.notEqual(pidOf(folder), stranger.pid);
    await server.leave();
  });

  it('starts after a loss of power that has emptied a file that it had just written', async () => {
    const dataFolder = aUsedFolder();
    await (await openEmbedded({ dataFolder })).leave();
    const { folder } = await locateCluster(dataFolder, 'socket');
    writeFileSync(path.join(folder, 'tutti.endpoint'), '');

    await (await openEmbedded({ dataFolder })).leave();

    assert.match(readFileSync(path.join(folder, 'tutti.endpoint'), 'utf8'), /"host"/);
  });

  it('puts its socket into /tmp when the temp folder has a long name', async () => {
    const folder = aUsedFolder();
    const long = path.join(folder, 'x'.repeat(90));
    mkdirSync(long);

    const user = await aProcess(folder, { TMPDIR: long });

    assert.match(String(user.connection.host), /^\/tmp\/tutti-[0-9a-f]{12}$/);
    assert.equal(statSync(String(user.connection.host)).mode & 0o777, 0o700);
    await user.leave();
  });

  it('keeps its data where the server of root can reach it', async function () {
    if (!isRoot) this.skip();
    const dataFolder = path.join(aFolder(), 'data');
    mkdirSync(dataFolder);
    folders.unshift(dataFolder);

    const server = await openEmbedded({ dataFolder });

    const home = readFileSync(path.join(dataFolder, 'pg.location'), 'utf8').trim();
    assert.match(home, /^\/var\/lib\/tutti\/data-/);
    assert.equal(statSync(path.join(home, 'pg')).uid, 65534);
    await server.leave();
    assert.equal(existsSync(path.join(home, 'pg/postmaster.pid')), false);
  });

  it('opens only its own data folder, and only to the group of the server, for root', async function () {
    if (!isRoot) this.skip();
    const dataFolder = aUsedFolder();

    await (await openEmbedded({ dataFolder })).leave();

    assert.equal(statSync(dataFolder).mode & 0o777, 0o710);
    assert.equal(statSync(path.join(dataFolder, 'pg')).mode & 0o777, 0o700);
  });

  it('finds one place for a folder, however many of root look for it at once', async function () {
    if (!isRoot) this.skip();
    for (let round = 0; round < 200; round++) {
      const dataFolder = aFolder();

      const places = await Promise.all(
        Array.from({ length: 8 }, async (_, turn) => {
          for (let late = 0; late < turn; late++) await stat(dataFolder);
          return (await locateCluster(dataFolder, 'socket')).home;
        }),
      );

      assert.deepEqual(new Set(places), new Set([dataFolder]));
    }
  });

  it('writes what it promises into the server settings', async () => {
    const server = await openEmbedded({ dataFolder: aUsedFolder() });

    const rows = await query(server.connection, settings);

    assert.deepEqual(Object.fromEntries(rows.map((row) => [row.name, row.setting])), {
      data_checksums: 'on',
      fsync: 'on',
      full_page_writes: 'on',
      max_connections: '100',
      max_parallel_workers_per_gather: '0',
      server_encoding: 'UTF8',
      synchronous_commit: 'on',
    });
    await server.leave();
  });

  it('refuses a database of another major version and says what to do', async () => {
    const folder = aUsedFolder();
    writeFileSync(path.join(folder, 'pg/PG_VERSION'), '17\n');

    await assert.rejects(openEmbedded({ dataFolder: folder }), {
      code: 'DB_VERSION',
      message: /made by PostgreSQL 17, and this Tutti brings 18; make a backup/,
    });
  });

  it('refuses a data folder that it cannot make', async () => {
    const file = path.join(aFolder(), 'file');
    writeFileSync(file, '');

    await assert.rejects(openEmbedded({ dataFolder: path.join(file, 'data') }), {
      code: 'DATA_FOLDER',
      message: /cannot be used \(ENOTDIR\)/,
    });
  });

  it('gives up a data folder whose file system makes no folders', async function () {
    if (process.platform !== 'linux') this.skip();

    await assert.rejects(openEmbedded({ dataFolder: '/proc/tutti/data' }), {
      code: 'DATA_FOLDER',
      message: /cannot be used \(ENOENT\)/,
    });
  });

  it('reports a server that does not start with its own words, at once', async () => {
    const folder = aUsedFolder();
    rmSync(path.join(folder, 'pg/global/pg_control'));

    await assert.rejects(openEmbedded({ dataFolder: folder }), {
      code: 'DATA_FOLDER',
      message: /does not start: .*pg_control/,
    });
  });
});

const settings = `SELECT name, setting FROM pg_settings WHERE name IN ('data_checksums', 'fsync', 'full_page_writes',
  'max_connections', 'max_parallel_workers_per_gather', 'server_encoding', 'synchronous_commit')`;

/** Waits until one process alone uses the server; `what` that says. */
async function isHeldByOne(connection: ConnectionConfig, what: string): Promise<void> {
  const text = `SELECT count(*)::int FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted`;
  await eventually(async () => {
    const held = await query({ ...connection, database: 'postgres' }, text);
    assert.deepEqual(held, [{ count: 1 }], what);
  });
}

function nobodyIfRoot(): { readonly uid?: number } {
  return isRoot ? { uid: 65534 } : {};
}

function pidOf(folder: string): number | undefined {
  const file = path.join(folder, 'pg/postmaster.pid');
  return existsSync(file) ? Number.parseInt(readFileSync(file, 'utf8'), 10) : undefined;
}

/** Removes a data folder, the folder of its socket and, after a failed test, its server. */
function removeFolder(folder: string): void {
  const pid = pidOf(folder);
  if (pid) process.kill(pid, 'SIGKILL');
  const endpoint = path.join(folder, 'pg/tutti.endpoint');
  if (existsSync(endpoint)) {
    rmSync(JSON.parse(readFileSync(endpoint, 'utf8')).host, { recursive: true, force: true });
  }
  rmSync(folder, { recursive: true, force: true, maxRetries: 10 });
}

function isAlive(pid: number | undefined): boolean {
  // A zombie that nobody has waited for has no working directory any more.
  return pid !== undefined && existsSync(`/proc/${pid}/cwd`);
}

async function query(
  connection: ConnectionConfig,
  text: string,
): Promise<readonly Record<string, unknown>[]> {
  const client = new pg.Client({ ...connection });
  client.on('error', () => {});
  await client.connect();
  try {
    return (await client.query(text)).rows;
  } finally {
    await client.end();
  }
}

/** Repeats `probe` until it succeeds; its last failure after a minute is the test's. */
async function eventually<T>(probe: () => Promise<T>): Promise<T> {
  const deadline = performance.now() + 60_000;
  while (true) {
    try {
      return await probe();
    } catch (error) {
      if (performance.now() > deadline) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}
