import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import pg from 'pg';
import { openEmbedded } from '../../core/ports/db/embedded.ts';
import { asAdmin, urlOf } from '../support/postgres.ts';
import { type Golden, printGolden, readBooks, readTables } from './golden.ts';

/*
 * Makes golden journals: `export.ts <folder of a release's code> <folder to write into>`. The release's own engine runs gold.work,
 * is killed at the places below, and what it has stored is written as lines of JSON, one a row. See docs/testing.md.
 */
const cases: Readonly<Record<string, { readonly at: readonly string[]; readonly models?: true }>> =
  {
    claimed: { at: ['after-claim:1'] },
    expanded: { at: ['after-flush:3'] },
    marking: { at: ['after-flush:7'] },
    'write-in-doubt': { at: ['after-tool:2'] },
    'send-in-doubt': { at: ['after-tool:3'] },
    unwritten: { at: ['before-flush:9'] },
    half: { at: ['after-flush:12'] },
    'killed-twice': { at: ['after-flush:7', 'after-flush:4'] },
    ended: { at: [] },
    asked: { at: ['after-flush:4'], models: true },
    conversing: { at: ['after-flush:11'], models: true },
    answered: { at: ['before-flush:16'], models: true },
    'model-write-in-doubt': { at: ['after-tool:2'], models: true },
    'model-killed-twice': { at: ['after-flush:9', 'after-flush:6'], models: true },
  };

const [release = '', target = ''] = process.argv.slice(2).map((path) => resolve(path));
const place = join(release, 'tests/golden');
mkdirSync(place, { recursive: true });
mkdirSync(target, { recursive: true });
for (const file of ['golden.config.ts', 'golden-engine.ts'])
  if (join(import.meta.dirname, file) !== join(place, file))
    copyFileSync(join(import.meta.dirname, file), join(place, file));
const dataFolder = mkdtempSync(join(tmpdir(), 'tutti-golden-'));
const server = await openEmbedded({ dataFolder });
try {
  for (const [name, { at, models }] of Object.entries(cases)) {
    const golden = await make(name, at, models === true);
    writeFileSync(join(target, `${name}.jsonl`), printGolden(golden));
    console.log(name, golden.tables.run[0]?.status, `${golden.tables.entry.length} entries`);
  }
} finally {
  await server.leave();
  rmSync(dataFolder, { recursive: true, force: true });
}

async function make(name: string, at: readonly string[], models: boolean): Promise<Golden> {
  const database = `golden_${name.replaceAll('-', '_')}`;
  await asAdmin(server, `CREATE DATABASE ${database}`);
  const url = urlOf(server, database);
  const log = join(dataFolder, `${name}.log`);
  let run = 'new';
  for (const point of at.length === 0 ? [''] : at) {
    await live(url, run, { CRASH_AT: point, GOLDEN_LOG: log, GOLDEN_MODEL: models ? '1' : '' });
    run = await newest(url);
  }
  return await withClient(url, async (client) => {
    const meta = await client.query<{ schema_version: number }>(
      'SELECT schema_version FROM tutti.meta',
    );
    await client.query('RESET ROLE');
    const tables = anonymous(await readTables(client));
    const { version } = JSON.parse(readFileSync(join(release, 'package.json'), 'utf8'));
    return {
      made: {
        release: version,
        schema: meta.rows[0]?.schema_version ?? 0,
        journal: Number(tables.run[0]?.journal_v),
        by: models ? 'models' : 'playbooks',
        killed: at,
      },
      outside: existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [],
      tables,
      books: await readBooks(client),
    };
  });
}

/** Without what names the machine that it was made on. */
function anonymous(tables: Golden['tables']): Golden['tables'] {
  const engine = tables.engine.map((row) => ({
    ...row,
    host: 'golden',
    ...('process' in row && { process: null }),
  }));
  return { ...tables, engine };
}

/** One life of an engine of the release. */
async function live(url: string, run: string, env: Readonly<Record<string, string>>) {
  const program = join(place, 'golden-engine.ts');
  const flags = ['--disable-warning=ExperimentalWarning', program, url, run];
  const child = spawn(process.execPath, flags, {
    cwd: release,
    env: { ...process.env, ...env },
    stdio: 'inherit',
  });
  const [code, signal] = await once(child, 'exit');
  const isAsPlanned = env.CRASH_AT === '' ? code === 0 : signal === 'SIGKILL';
  if (!isAsPlanned) throw new Error(`${env.CRASH_AT}: ended with ${code ?? signal}`);
}

async function newest(url: string): Promise<string> {
  return await withClient(url, async (client) => {
    const { rows } = await client.query<{ id: string }>('SELECT id FROM tutti.run');
    return rows[0]?.id ?? '';
  });
}

async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client(url);
  await client.connect();
  try {
    // Row-level security shows nothing to the login user.
    await client.query('SET ROLE tutti_engine');
    return await work(client);
  } finally {
    await client.end();
  }
}
