import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import * as path from 'node:path';
import pg from 'pg';
import { type Database, openDatabase } from '../../core/ports/db/database.ts';
import { type EmbeddedServer, openEmbedded } from '../../core/ports/db/embedded.ts';
import { testEncryption } from './encrypted.ts';
import { stopAfterAll } from './hooks.ts';
import { mayLeave } from './left-behind.ts';
import { putCluster } from './made-cluster.ts';

/*
 * One PostgreSQL for the whole test process, in a folder of its own, started by the first file that asks. It need not outlive a power
 * cut: commits wait for no disk. Who tests what the death of a server leaves has one of its own (`own-server.ts`), set as Tutti sets it.
 * Each file gets a database cloned from one that was migrated once; where nothing waits for a disk, copying its files takes half of the
 * processor time of copying it page by page through the log.
 */

/** A migrated, empty database for one test file. */
export interface FreshDatabase {
  readonly database: Database;
  /** For child processes and `openDatabase({ url })`. */
  readonly url: string;
  /**
   * Closes and drops it. In `after(function () { return fresh.drop(this); })` a database whose tests failed is kept for a look
   * at it, and its place is printed.
   */
  drop(context?: Mocha.Context): Promise<void>;
}

interface TestServer {
  readonly dataFolder: string;
  readonly server: EmbeddedServer;
  /** The superuser's connection for making and dropping databases: a new one each time costs more than many of them. */
  readonly admin: pg.Pool;
}

let running: Promise<TestServer> | undefined;
let clones = 0;
let isKept = false;

/** Clones a database for the calling test file. */
export function freshDatabase(): Promise<FreshDatabase> {
  return cloneOf('tutti');
}

/** Makes a database that others are cloned from: a migrated one, with what `fill` brings. */
export async function templateDatabase(
  name: string,
  fill: (url: string) => Promise<void>,
): Promise<void> {
  const { server, admin } = await testServer();
  await admin.query(`CREATE DATABASE ${name} TEMPLATE tutti STRATEGY FILE_COPY`);
  await fill(urlOf(server, name));
}

/** Clones a database that nobody is connected to. */
export async function cloneOf(template: string): Promise<FreshDatabase> {
  const { dataFolder, server, admin } = await testServer();
  clones += 1;
  const name = `test_${clones}`;
  await admin.query(`CREATE DATABASE ${name} TEMPLATE ${template} STRATEGY FILE_COPY`);
  const url = urlOf(server, name);
  const database = await openDatabase({ url, dataFolder, encryption: testEncryption() });
  return {
    database,
    url,
    async drop(context) {
      await database.close();
      if (context && hasFailure(context.test?.parent)) {
        isKept = true;
        writeFileSync(path.join(dataFolder, 'kept'), '');
        console.error(`Kept database ${name} in ${dataFolder}`);
        return;
      }
      await admin.query(`DROP DATABASE ${name} WITH (FORCE)`);
    },
  };
}

/** A URL for database `name` of an embedded server. */
export function urlOf(server: EmbeddedServer, name: string): string {
  const { host = '', port } = server.connection;
  return `postgresql://tutti@localhost:${port}/${name}?host=${encodeURIComponent(host)}`;
}

/** Runs one statement as the superuser, outside of a transaction. */
export async function asAdmin(server: EmbeddedServer, statement: string): Promise<pg.QueryResult> {
  const client = new pg.Client({ ...server.connection, database: 'postgres' });
  await client.connect();
  try {
    return await client.query(statement);
  } finally {
    await client.end();
  }
}

/** The server of this test process. */
export async function testServer(): Promise<TestServer> {
  running ??= startServer();
  return await running;
}

async function startServer(): Promise<TestServer> {
  const dataFolder = mkdtempSync(path.join(tmpdir(), 'tutti-test-'));
  process.once('exit', () => stopAtOnce(dataFolder));
  await putCluster(dataFolder, 'socket');
  const server = await openEmbedded({ dataFolder });
  mayLeave([dataFolder, String(server.connection.host)]);
  const admin = new pg.Pool({
    ...server.connection,
    ...{ database: 'postgres', max: 1, idleTimeoutMillis: 0 },
  });
  admin.on('error', () => {});
  for (const name of ['fsync', 'full_page_writes']) {
    await admin.query(`ALTER SYSTEM SET ${name} = off`);
  }
  await admin.query('SELECT pg_reload_conf()');
  const template = await openDatabase({ url: urlOf(server, 'tutti'), dataFolder });
  await template.close();
  return { dataFolder, server, admin };
}

async function stopServer(): Promise<void> {
  if (!running) return;
  const { dataFolder, server, admin } = await running;
  await admin.end();
  await server.leave();
  if (isKept) return;
  for (const folder of [dataFolder, String(server.connection.host)]) {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Processes that mocha ends, Ctrl-C and crashes end here: the server would otherwise live on. */
function stopAtOnce(dataFolder: string): void {
  if (isKept) return;
  try {
    const pid = Number.parseInt(
      readFileSync(path.join(dataFolder, 'pg/postmaster.pid'), 'utf8'),
      10,
    );
    process.kill(pid, 'SIGQUIT');
  } catch {
    // It has stopped: the usual case.
  }
  rmSync(dataFolder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

function hasFailure(suite: Mocha.Suite | undefined): boolean {
  if (!suite) return false;
  return suite.tests.some((test) => test.state === 'failed') || suite.suites.some(hasFailure);
}

stopAfterAll(stopServer);
