import assert from 'node:assert/strict';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import pg from 'pg';
import { type Host, openHost } from '../../bin/host.ts';
import { systemClock } from '../../core/base/clock.ts';
import { isEngineError } from '../../core/base/errors.ts';
import { newId } from '../../core/base/ids.ts';
import { Adoption } from '../../core/engine/adoption/adoption.ts';
import type { Engine } from '../../core/engine/engine.ts';
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
import { type Golden, parseGolden, together, writeBooks, writeTables } from './golden.ts';

const config = new URL('golden.config.ts', import.meta.url).href;
const items = ['a', 'b', 'c'];
const makers = ['playbooks', 'models'] as const;

/** A run as an earlier release left it. */
interface Left {
  readonly name: string;
  readonly golden: Golden;
}

/** By release. */
const releases = readdirSync(import.meta.dirname, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name: release }) => ({ release, left: leftBy(join(import.meta.dirname, release)) }));

function leftBy(folder: string): readonly Left[] {
  return readdirSync(folder).map((file) => ({
    name: file.replace('.jsonl', ''),
    golden: parseGolden(readFileSync(join(folder, file), 'utf8')),
  }));
}

/** A database with golden runs, brought to the present schema, and a host on it. */
interface Restored extends AsyncDisposable {
  readonly host: Host;
  /** What its tool has marked outside: the key of the effect, and the item. */
  marks(): readonly { readonly key: string; readonly id: string }[];
  query<T extends pg.QueryResultRow>(
    text: string,
    values?: readonly unknown[],
  ): Promise<readonly T[]>;
}

async function onDatabase(url: string, work: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client(url);
  await client.connect();
  await work(client).finally(() => client.end());
}

const templates = new Map<number, Promise<string>>();

/** A database with the schema of an earlier release and the ERP's shared tables, made once and cloned. */
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

const runOf = ({ tables }: Golden): Readonly<Record<string, unknown>> => tables.run[0] ?? {};

describe('a run of an earlier release', function () {
  this.timeout(180_000);
  const folder = scratchFolder({});

  after(() => {
    folder[Symbol.dispose]();
    delete process.env.GOLDEN_LOG;
    delete process.env.GOLDEN_MODEL;
  });

  async function restore(name: string, golden: Golden): Promise<Restored> {
    const { made, outside } = golden;
    const { server } = await testServer();
    const database = `golden_${name}`;
    const template = await templateOf(made.schema);
    await asAdmin(server, `CREATE DATABASE ${database} TEMPLATE ${template} STRATEGY FILE_COPY`);
    const url = urlOf(server, database);
    await onDatabase(url, async (client) => {
      await client.query('SET ROLE tutti_engine');
      await writeTables(client, golden);
    });
    const log = join(folder.path, database);
    process.env.GOLDEN_LOG = log;
    process.env.GOLDEN_MODEL = made.by === 'models' ? '1' : '';
    writeFileSync(log, outside.map((line) => `${line}\n`).join(''));
    // Another URL is another module: the configuration depends on who made the runs.
    const configUrl = `${config}?by=${made.by}`;
    const host = await openHost({ configUrl, databaseUrl: url, dataFolder: '/nonexistent' });
    await host.database.admin((owner) => writeBooks(owner, golden));
    return {
      host,
      marks: () =>
        readFileSync(log, 'utf8')
          .trim()
          .split('\n')
          .map((line) => line.split(' '))
          .map(([key = '', id = '']) => ({ key, id })),
      query: (text, values) => queryAll(host.database, text, values),
      async [Symbol.asyncDispose]() {
        await host.close();
        await asAdmin(server, `DROP DATABASE ${database} WITH (FORCE)`);
      },
    };
  }

  /** The notes in the ERP, each with the key of the effect that booked it; '' if none did. */
  async function readNotes({
    database,
  }: Host): Promise<readonly { number: string; key: string }[]> {
    return await database.admin(async (owner) => {
      const { rows } = await owner.query<{ number: string; key: string }>(
        `SELECT n.number, coalesce(split_part(c.key, ':', 1), '') AS key FROM erp.gold_note n
         LEFT JOIN erp.command c ON c.tenant_id = n.tenant_id AND c.outcome->>'id' = n.id`,
      );
      return rows;
    });
  }

  /** What folding the entries gives, against the rows of the steps. */
  async function assertFolds({ host, query }: Restored, id: unknown): Promise<void> {
    const [row] = await query<RunRow & pg.QueryResultRow>('SELECT * FROM tutti.run WHERE id = $1', [
      id,
    ]);
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
      'SELECT id, status, node, item_key FROM tutti.step WHERE run_id = $1 ORDER BY id',
      [id],
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

  /** The run has come to its end, with each item marked and booked once. */
  async function assertEnded(restored: Restored, golden: Golden): Promise<void> {
    const { query, host } = restored;
    const { id, ended_at: endedAt } = runOf(golden);
    const [run] = await query('SELECT status, journal_v FROM tutti.run WHERE id = $1', [id]);
    // What it has taken up the earlier release leaves alone.
    const journal_v = endedAt === null ? journalVersion : golden.made.journal;
    assert.deepEqual(run, { status: 'succeeded', journal_v });
    await assertFolds(restored, id);
    const ends = await query(
      `SELECT s.node, s.item_key FROM tutti.step s LEFT JOIN tutti.entry e ON e.run_id = s.run_id AND e.step = s.id AND e.kind = 'step.succeeded'
       WHERE s.run_id = $1 AND s.agent IS NOT NULL AND s.status <> 'skipped' GROUP BY s.node, s.item_key, s.status HAVING count(e.seq) <> 1 OR s.status <> 'succeeded'`,
      [id],
    );
    assert.deepEqual(ends, []);
    // Other runs go on meanwhile: what they have done is looked at before what is known of it, which is recorded first.
    const [marked, noted] = [restored.marks(), await readNotes(host)];
    const effects = await query<{ key: string; run: string }>(
      `SELECT encode(key, 'hex') AS key, run_id AS run FROM tutti.effect`,
    );
    const runs = new Map(effects.map(({ key, run }) => [key, run]));
    const marks = marked.map((mark) => ({ ...mark, run: runs.get(mark.key) }));
    assert.deepEqual(
      marks.filter(({ run }) => run === undefined),
      [],
      'marks that no run knows of',
    );
    const own = marks.filter(({ run }) => run === id).map((mark) => mark.id);
    assert.deepEqual(own.toSorted(), items);
    const notes = noted.map((note) => ({ ...note, run: runs.get(note.key) }));
    assert.deepEqual(
      notes.filter(({ run }) => run === undefined),
      [],
      'notes that no run knows of',
    );
    const booked = notes.filter(({ run }) => run === id).map(({ number }) => number);
    assert.deepEqual(booked.toSorted(), items);
    const [sum] = await query<{ output: unknown }>(
      `SELECT convert_from(p.body, 'UTF8')::jsonb AS output FROM tutti.step s JOIN tutti.payload p ON p.run_id = s.run_id AND p.seq = s.output_seq
       WHERE s.run_id = $1 AND s.node = 'count'`,
      [id],
    );
    assert.deepEqual(sum?.output, { ids: items, missing: 0 });
    const open = await query(`SELECT FROM tutti.ledger WHERE run_id = $1 AND state = 'reserved'`, [
      id,
    ]);
    assert.equal(open.length, 0);
  }

  for (const { release, left } of releases)
    for (const by of makers) {
      const own = left.filter(({ golden }) => golden.made.by === by);

      // They lie in one database, and one engine takes them up.
      describe(`${release}, made by ${by}`, () => {
        const failure = Promise.withResolvers<never>();
        failure.promise.catch(() => {});
        const misread = new Map<string, Error>();
        let restored: Restored;
        let engine: Engine;

        before(async () => {
          restored = await restore(`${release}_${by}`, together(own.map(({ golden }) => golden)));
          for (const { name, golden } of own)
            await assertFolds(restored, runOf(golden).id).catch((error) =>
              misread.set(name, error),
            );
          engine = await restored.host.startEngine((error) => failure.reject(error));
        });
        after(() => restored[Symbol.asyncDispose]());

        for (const { name, golden } of own)
          it(`is read, and gone on with to its end: ${name}`, async () => {
            verifies('R9.restart', 'R9.take-over', 'R8.crash');
            assert.ifError(misread.get(name));

            await Promise.race([engine.whenEnded(String(runOf(golden).id)), failure.promise]);

            await assertEnded(restored, golden);
          });
      });
    }

  it('is left alone, and said so, when a newer release wrote it', async () => {
    verifies('R9.restart');
    const half = releases[0]?.left.find(({ name }) => name === 'half') ?? assert.fail();
    await using restored = await restore('newer', half.golden);
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
