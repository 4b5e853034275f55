import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { Store } from '../../core/engine/store/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { writeBackup } from '../../core/ports/db/backup.ts';
import { openClient } from '../../core/ports/db/connection.ts';
import { openDatabase } from '../../core/ports/db/database.ts';
import { openEmbedded } from '../../core/ports/db/embedded.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { briefFlags } from '../support/brief-flags.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { requestOf } from '../support/engine.ts';
import labConfig from '../support/fixtures/lab.config.ts';
import { putCluster } from '../support/made-cluster.ts';
import { urlOf } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { runCli } from './cli.ts';

const program = fileURLToPath(new URL('../support/fixtures/crash-lab.ts', import.meta.url));
/** Those that are held have their effects after the backup, however long that takes. */
const items = Array.from({ length: 150 }, (_, index) => ({
  id: index < 100 ? `m${index}` : `held${index}`,
}));
const patienceMs = 60_000;

describe('the restore drill', function () {
  this.timeout(300_000);
  const folder = scratchFolder({});
  const log = join(folder.path, 'outside.log');
  const gate = join(folder.path, 'gate');
  const backup = join(folder.path, 'running.backup');
  const [oldPlace, newPlace] = [join(folder.path, 'old'), join(folder.path, 'new')];
  const children = new Set<ChildProcess>();

  after(() => {
    for (const child of children) child.kill('SIGKILL');
    folder[Symbol.dispose]();
  });

  function startEngine(url: string, runId: string): ChildProcess {
    const what = JSON.stringify({ until: runId });
    const args = [...briefFlags, program, url, what, 'lab.config.ts'];
    const lab = { LAB_LOG: log, LAB_GATE: gate, LAB_THREADS: '1' };
    const env = { ...process.env, ...compileCacheEnv, ...lab };
    const child = spawn(process.execPath, args, { env, stdio: ['ignore', 'ignore', 'inherit'] });
    children.add(child);
    return child;
  }

  /** Key and item of every effect outside, in the order in which they arrived. */
  function marks(): readonly (readonly string[])[] {
    const lines = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
    return lines.filter(Boolean).map((line) => line.split(' '));
  }

  async function untilMarks(count: number): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (marks().length < count) {
      assert.ok(performance.now() < deadline, `${marks().length} of ${count} marks`);
      await sleep(5);
    }
  }

  it('continues a run in an empty folder, with one effect per key', async () => {
    verifies('R13.backup', 'R8.crash');
    await putCluster(oldPlace, 'socket');
    const old = await openEmbedded({ dataFolder: oldPlace });
    const oldUrl = urlOf(old, 'tutti');
    const { id, tenantId } = await submitMarks(oldUrl);
    const first = startEngine(oldUrl, id);
    const death = once(first, 'exit');
    await untilMarks(10);
    const { rows } = await writeBackup(
      { dataFolder: oldPlace },
      { path: backup, isForced: false, release: '1.2.3' },
    );
    // The engine goes on after the backup, and everything but the log and the file is lost.
    const then = marks().length;
    writeFileSync(gate, '');
    await untilMarks(then + 10);
    first.kill('SIGKILL');
    await death;
    const lost = await journalOf(oldUrl, id);
    await old.leave();
    await rm(oldPlace, { recursive: true });

    const place = { cwd: folder.path, env: { TUTTI_DATA: newPlace } };
    const restored = await runCli(place, ['restore', backup, '--json']);
    assert.equal(restored.code, 0, restored.stderr);
    assert.deepEqual(JSON.parse(restored.stdout).openRuns, 1);
    assert.equal(JSON.parse(restored.stdout).rows, rows);

    const fresh = await openEmbedded({ dataFolder: newPlace });
    const url = urlOf(fresh, 'tutti');
    const kept = await journalOf(url, id);
    assert.ok(kept.length > 10 && kept.length < lost.length);
    assert.deepEqual(kept, lost.slice(0, kept.length), 'the journal is the one that was saved');
    const known = await effectsOf(url, id);
    const forgotten = marks().filter(([key]) => !known.includes(key as string));
    assert.ok(forgotten.length >= 10, 'effects happened that the backup does not know');

    const [code] = await once(startEngine(url, id), 'exit');
    assert.equal(code, 0);
    // The forgotten ones were sent again, with the keys they had: the receiver knew them, and nothing was marked twice.
    assert.deepEqual(
      marks()
        .map(([, item]) => item)
        .sort(),
      items.map((item) => item.id).sort(),
    );
    assert.equal(new Set(marks().map(([key]) => key)).size, items.length);
    const done = await effectsOf(url, id);
    assert.deepEqual(
      done.toSorted(),
      marks()
        .map(([key]) => key)
        .sort(),
    );
    const database = await openDatabase({ url, dataFolder: '' });
    const runs = database.kysely('tutti_engine').selectFrom('run');
    assert.deepEqual(await runs.select(['tenantId', 'status', 'owner']).execute(), [
      { tenantId, status: 'succeeded', owner: null },
    ]);
    await database.close();
    await fresh.leave();
  });
});

async function submitMarks(url: string) {
  const database = await openDatabase({ url, dataFolder: '' });
  const store = new Store(database.pool('tutti_engine', 1));
  const tenantId = await store.tenant('lab');
  const registry = loadRegistry(labConfig, sharedEntities);
  const request = requestOf('lab.marks', { tenantId, input: { items } });
  const { id } = await submitRun(store, registry, request);
  await database.close();
  return { id, tenantId };
}

async function read(url: string, text: string, values: readonly unknown[]) {
  const client = await openClient({ connectionString: url }, 'tutti_engine');
  const result: pg.QueryResult<{ row: string }> = await client.query(text, [...values]);
  await client.end();
  return result.rows.map(({ row }) => row);
}

function journalOf(url: string, runId: string): Promise<readonly string[]> {
  const text = `SELECT to_jsonb(e)::text AS row FROM tutti.entry e WHERE run_id = $1 ORDER BY seq`;
  return read(url, text, [runId]);
}

/** Keys of the effects that are known to have happened, as the log has them. */
function effectsOf(url: string, runId: string): Promise<readonly string[]> {
  const text = `SELECT encode(key, 'hex') AS row FROM tutti.effect WHERE run_id = $1 AND state = 'applied'`;
  return read(url, text, [runId]);
}
