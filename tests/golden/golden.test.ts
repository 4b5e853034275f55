import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Host, openHost } from '../../bin/host.ts';
import { systemClock } from '../../core/base/clock.ts';
import { isEngineError } from '../../core/base/errors.ts';
import { newId } from '../../core/base/ids.ts';
import { Adoption } from '../../core/engine/adoption/adoption.ts';
import { Broker } from '../../core/engine/limits/broker.ts';
import { isTerminal } from '../../core/engine/run/states.ts';
import type { RunRow } from '../../core/engine/store/store.ts';
import { journalVersion } from '../../core/ports/db/journal-version.ts';
import { inSchemaTransaction, migrateTo } from '../../core/ports/db/migrate.ts';
import { prepareEmbedded } from '../../core/ports/erp/embedded/prepare.ts';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { asAdmin, testServer, urlOf } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { type Golden, parseGolden, writeBooks, writeTables } from './golden.ts';

const config = new URL('golden.config.ts', import.meta.url).href;
const items = ['a', 'b', 'c'];
const patienceMs = 60_000;

/** Runs as earlier releases left them, by release and name. */
const goldens = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .flatMap(({ name: folder }) =>
    readdirSync(join(import.meta.dirname, folder)).map((file) => ({
      name: `${folder}_${file.replace('.jsonl', '')}`,
      read: () => parseGolden(readFileSync(join(import.meta.dirname, folder, file), 'utf8')),
    })),
  );

/** A database with a golden run, brought to the present schema, and a host on it. */
interface Restored extends AsyncDisposable {
  readonly host: Host;
  query<T extends pg.QueryResultRow>(text: string): Promise<readonly T[]>;
}

async function onDatabase(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await work(client).finally(() => client.end());
}

const templates = new Map<number, Promise<string>>();

/** A database with the schema of an earlier release and the ERP's shared tables, made once and cloned for each of its runs. */
function templateOf(schema: number): Promise<string> {
  const made = templates.get(schema) ?? makeTemplate(schema);
  templates.set(schema, made);
  return made;
}

async function makeTemplate(schema: number): Promise<string> {
  const { server } = await testServer();
  const name = `golden_schema_${schema}`;
  await asAdmin(server, `CREATE DATABASE ${name}`);
  await onDatabase(urlOf(server, name), (client) =>
    inSchemaTransaction(client, async () => {
      await migrateTo(client, schema);
      await prepareEmbedded(client, sharedEntities);
    }),
  );
  return name;
}

describe('a run of an earlier release', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});

  after(() => {
    folder[Symbol.dispose]();
    delete process.env.GOLDEN_LOG;
    delete process.env.GOLDEN_MODEL;
  });

  async function restore(name: string, golden: Golden): Promise<Restored> {
    const { server } = await testServer();
    const database = `golden_${name.replaceAll('-', '_')}`;
    const template = await templateOf(golden.made.schema);
    await asAdmin(server, `CREATE DATABASE ${database} TEMPLATE ${template} STRATEGY FILE_COPY`);
    const url = urlOf(server, database);
    await onDatabase(url, async (client) => {
      await client.query('SET ROLE tutti_engine');
      await writeTables(client, golden);
    });
    process.env.GOLDEN_LOG = join(folder.path, database);
    process.env.GOLDEN_MODEL = golden.made.by === 'models' ? '1' : '';
    writeFileSync(process.env.GOLDEN_LOG, golden.outside.map((line) => `${line}\n`).join(''));
    // Another URL is another module: the configuration depends on who made the run.
    const configUrl = `${config}?by=${golden.made.by}`;
    const host = await openHost({ configUrl, databaseUrl: url, dataFolder: '/nonexistent' });
    await host.database.admin((owner) => writeBooks(owner, golden));
    return {
      host,
      query: (text) => queryAll(host.database, text),
      async [Symbol.asyncDispose]() {
        await host.close();
        await asAdmin(server, `DROP DATABASE ${database} WITH (FORCE)`);
      },
    };
  }

  async function readNotes({ connector }: Host): Promise<readonly unknown[]> {
    const page = await connector(1).query({ entity: 'gold_note', filter: {}, limit: 100 });
    return page.rows.map((row) => row.number).toSorted();
  }

  async function whenEnded({ query }: Restored): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while ((await query('SELECT FROM tutti.run WHERE ended_at IS NULL')).length > 0) {
      assert.ok(performance.now() < deadline, 'the run is stuck');
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  /** What folding the entries gives, against the rows of the steps. */
  async function assertFolds({ host, query }: Restored): Promise<void> {
    const [row] = await query<RunRow & pg.QueryResultRow>('SELECT * FROM tutti.run');
    const { store, registry, profiles } = host;
    const broker = new Broker({
      profiles,
      limits: {},
      prices: host.config.prices ?? {},
      clock: systemClock,
    });
    const adoption = new Adoption({
      store,
      boot: newId(),
      registry,
      broker,
      basis: () => '',
      limitOf: () => 50_000_000,
    });
    const { run } = await adoption.adopt(row as RunRow, Date.now());
    const steps = await query<{ id: number; status: string; node: string; item_key: string }>(
      'SELECT id, status, node, item_key FROM tutti.step ORDER BY id',
    );
    const folded = run.steps.map(({ id, status, itemKey }) => ({
      id,
      status,
      item_key: itemKey ?? '',
    }));
    const known = steps.map(({ id, status, item_key }) => ({ id, status, item_key }));
    const isKept = ({ status }: { status: string }) => isTerminal(status as never);
    // A run that was claimed and not begun has no rows yet.
    assert.deepEqual(
      folded.filter(isKept).slice(0, known.filter(isKept).length),
      known.filter(isKept),
    );
  }

  for (const { name, read } of goldens) {
    it(`is read, and gone on with to its end: ${name}`, async () => {
      verifies('R9.restart', 'R9.take-over', 'R8.crash');
      const golden = read();
      await using restored = await restore(name, golden);
      const { query, host } = restored;
      await assertFolds(restored);
      const [{ ended }] = (await query<{ ended: boolean }>(
        'SELECT ended_at IS NOT NULL AS ended FROM tutti.run',
      )) as [{ ended: boolean }];

      const failure = Promise.withResolvers<never>();
      await host.startEngine((error) => failure.reject(error));
      await Promise.race([whenEnded(restored), failure.promise]);

      const [run] = await query<{ status: string; journal_v: number }>(
        'SELECT status, journal_v FROM tutti.run',
      );
      // What it has taken up the earlier release leaves alone.
      const journal_v = ended ? golden.made.journal : journalVersion;
      assert.deepEqual(run, { status: 'succeeded', journal_v });
      await assertFolds(restored);
      const ends = await query(
        `SELECT s.node, s.item_key FROM tutti.step s LEFT JOIN tutti.entry e ON e.step = s.id AND e.kind = 'step.succeeded'
         WHERE s.agent IS NOT NULL AND s.status <> 'skipped' GROUP BY s.node, s.item_key, s.status HAVING count(e.seq) <> 1 OR s.status <> 'succeeded'`,
      );
      assert.deepEqual(ends, []);
      const log = process.env.GOLDEN_LOG ?? '';
      const marks = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
      assert.deepEqual(marks.map((line) => line.split(' ')[1]).toSorted(), items);
      const notes = await readNotes(host);
      assert.deepEqual(notes, items);
      const [sum] = await query<{ output: unknown }>(
        `SELECT convert_from(p.body, 'UTF8')::jsonb AS output FROM tutti.step s JOIN tutti.payload p ON p.seq = s.output_seq WHERE s.node = 'count'`,
      );
      assert.deepEqual(sum?.output, { ids: items, missing: 0 });
      const open = await query(`SELECT FROM tutti.ledger WHERE state = 'reserved'`);
      assert.equal(open.length, 0);
    });
  }

  it('is left alone, and said so, when a newer release wrote it', async () => {
    verifies('R9.restart');
    const [first] = goldens.filter(({ name }) => name.endsWith('half'));
    const golden = first?.read() as Golden;
    await using restored = await restore('newer', golden);
    const { query, host } = restored;
    const before = await query('SELECT * FROM tutti.step ORDER BY id');
    const entries = await query('SELECT * FROM tutti.entry ORDER BY seq');
    await host.database.admin(async (client) => {
      await client.query('SET LOCAL ROLE tutti_engine');
      await client.query('UPDATE tutti.run SET journal_v = $1', [journalVersion + 1]);
    });
    const [run] = await query<RunRow & pg.QueryResultRow>('SELECT * FROM tutti.run');

    const engine = await host.startEngine((error) => assert.fail(error));
    // A run of its own, submitted later, has ended: this engine has claimed what it may.
    const tenantId = Number(run?.tenant_id);
    const { id } = await engine.startRun({
      tenantId,
      workflow: 'gold.work',
      input: { items: [], open: true },
      businessDate: '2026-06-30',
      timeZone: 'Europe/Berlin',
      attended: false,
      actor: { kind: 'person', id: 'tester' },
    });
    assert.equal(await engine.whenEnded(id), 'succeeded');

    assert.equal(await host.store.newerRuns(), 1);
    await assert.rejects(
      host.store.checkReadable(tenantId, String(run?.id)),
      (error) => isEngineError(error) && error.code === 'JOURNAL_NEWER',
    );
    const mine = `WHERE run_id = '${run?.id}'`;
    assert.deepEqual(await query(`SELECT * FROM tutti.step ${mine} ORDER BY id`), before);
    assert.deepEqual(await query(`SELECT * FROM tutti.entry ${mine} ORDER BY seq`), entries);
    const [after] = await query<{ status: string; owner: string | null; ended_at: Date | null }>(
      `SELECT status, owner, ended_at FROM tutti.run WHERE id = '${run?.id}'`,
    );
    assert.deepEqual(after, { status: run?.status, owner: null, ended_at: null });
  });
});
