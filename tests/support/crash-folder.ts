import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { openHost } from '../../bin/host.ts';
import { assertPaid } from './crash-bars.ts';
import { chances } from './crash-kills.ts';
import { type LabEngine, startLabEngine } from './crash-lab.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { queryAll } from './rows.ts';

/** Its agents converse with nobody. */
const quiet = { converses: false } as const;
const holds = { ...quiet, submit: 'crash.hold' } as const;

/** What dies. */
const victims = ['engine', 'server', 'both'] as const;

/** The longest that work goes on before something dies, milliseconds. */
const longestLifeMs = 500;
const longestInitMs = 1_200;

/** Data folders with servers of their own, and a world outside. */
export interface CrashFolder {
  readonly oracle: Oracle;
  newFolder(): string;
  close(): Promise<void>;
}

export async function openCrashFolder(): Promise<CrashFolder> {
  const folders: string[] = [];
  const newFolder = (): string => {
    const folder = mkdtempSync(join(tmpdir(), 'tutti-crash-'));
    folders.push(folder);
    return folder;
  };
  const oracle = await startOracle(join(newFolder(), 'oracle.log'));
  return {
    oracle,
    newFolder,
    async close() {
      await oracle.close();
      for (const folder of folders)
        rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
    },
  };
}

function postmaster(dataFolder: string): number {
  return Number.parseInt(readFileSync(join(dataFolder, 'pg/postmaster.pid'), 'utf8'), 10);
}

/**
 * Kills engine, server or both in the middle of a run, so many times each; the next engine ends what the one before has left. `dataFolder`: one that
 * is in use, and whose runs have all ended; without it a new one.
 */
export async function killOnFolder(
  { newFolder, oracle }: CrashFolder,
  {
    times,
    seed,
    items: count,
    dataFolder = newFolder(),
  }: { times: number; seed: number; items: number; dataFolder?: string | undefined },
): Promise<void> {
  const chance = chances(seed);
  await oracle.openGate('x');
  for (let round = 0; round < times * victims.length; round += 1) {
    const victim = victims[round % victims.length];
    const work = Array.from({ length: count }, (_, index) => `x-${round}-${1000 + index}`);
    // The run goes on until something has died, however late that is.
    const gate = `x${round}`;
    const items = [...work, `${gate}-last`];
    const engine = startLabEngine(dataFolder, oracle.env, { ...holds, items });
    await engine.ready;
    // Whoever asks for a run while its database dies is told so, and ends.
    if (victim === 'server') await engine.submitted;
    await sleep(chance() * longestLifeMs);
    if (victim !== 'engine') process.kill(postmaster(dataFolder), 'SIGKILL');
    if (victim !== 'server') engine.child.kill('SIGKILL');
    await oracle.openGate(gate);
    const { code, signal, stderr } = await engine.ended;
    // An engine that lives goes on when its server is back.
    assert.ok(victim === 'server' ? code === 0 : signal === 'SIGKILL', `${victim}: ${stderr}`);
  }
  await assertFolder({ dataFolder, oracle });
}

/** Kills the first start on a new folder at a random instant; the next start makes good and works. Returns the last folder. */
export async function killFirstStart(
  { newFolder, oracle }: CrashFolder,
  { times, seed }: { times: number; seed: number },
): Promise<string> {
  const chance = chances(seed);
  await oracle.openGate('x');
  let dataFolder = '';
  for (let round = 0; round < times; round += 1) {
    dataFolder = newFolder();
    const first = startLabEngine(dataFolder, oracle.env, quiet);
    await sleep(chance() * longestInitMs);
    first.child.kill('SIGKILL');
    await first.ended;
    const what = { ...holds, items: [`x-first-${round}`] };
    const next = await pair(dataFolder, oracle, what);
    assert.deepEqual(
      next.map(({ code, stderr }) => ({ code, stderr })),
      [
        { code: 0, stderr: '' },
        { code: 0, stderr: '' },
      ],
    );
  }
  return dataFolder;
}

/** Two processes on one folder at once share its server. */
async function pair(dataFolder: string, oracle: Oracle, what: typeof holds & { items: string[] }) {
  const two = [
    startLabEngine(dataFolder, oracle.env, what),
    startLabEngine(dataFolder, oracle.env, { ...what, items: what.items.map((id) => `${id}-b`) }),
  ];
  return await Promise.all(two.map(({ ended }: LabEngine) => ended));
}

async function assertFolder(at: { dataFolder: string; oracle: Oracle }): Promise<void> {
  const { dataFolder, oracle } = at;
  const configUrl = new URL('fixtures/crash.config.ts', import.meta.url).href;
  const last = startLabEngine(dataFolder, oracle.env, quiet);
  await last.ready;
  const host = await openHost({ configUrl, dataFolder, env: {} });
  try {
    const query = <T extends object>(text: string, values: readonly unknown[] = []) =>
      queryAll(host.database, text, values) as Promise<T[]>;
    const deadline = performance.now() + 240_000;
    while ((await query('SELECT FROM tutti.run WHERE ended_at IS NULL')).length > 0) {
      assert.ok(performance.now() < deadline, 'runs are stuck');
      await sleep(50);
    }
    const runs = await query<{ id: string; status: string; items: { id: string }[] }>(
      `SELECT r.id, r.status, convert_from(p.body, 'UTF8')::jsonb->'items' AS items FROM tutti.run r JOIN tutti.payload p ON p.run_id = r.id AND p.seq = 1`,
    );
    for (const { id, status, items } of runs) {
      assert.equal(status, 'succeeded');
      await assertPaid({ oracle, query }, { id, items: items.map((item) => item.id) });
    }
    const keys = await query<{ key: string }>(`SELECT encode(key, 'hex') AS key FROM tutti.effect`);
    const known = new Set(keys.map(({ key }) => key));
    const paid = oracle.entries().filter((entry) => entry.kind === 'effect');
    assert.ok(paid.every(({ key }) => known.has(key)));
  } finally {
    last.child.kill('SIGTERM');
    await last.ended;
    await host.close();
  }
}
