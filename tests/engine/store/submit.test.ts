import assert from 'node:assert/strict';
import type pg from 'pg';
import { isEngineError } from '../../../core/base/errors.ts';
import { Store } from '../../../core/engine/store/store.ts';
import { submitRun } from '../../../core/engine/submit.ts';
import { openPool } from '../../../core/ports/db/connection.ts';
import { sharedEntities } from '../../../core/ports/erp/entities.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { ChaosProxy } from '../../support/chaos-proxy.ts';
import { openTestEngine, requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import lab from '../../support/fixtures/lab.config.ts';
import { type OwnServer, ownServer } from '../../support/own-server.ts';
import { verifies } from '../../support/verifies.ts';

const quick = requestOf('lab.quick', { tenantId: 1, input: { items: [{ id: 'a' }] } });

describe('a submission whose database dies before it answers', function () {
  this.timeout(180_000);
  const registry = loadRegistry(lab, sharedEntities);
  let server: OwnServer;
  let proxy: ChaosProxy;
  let direct: pg.Pool;
  let muted: pg.Pool;

  before(async () => {
    server = await ownServer();
    proxy = await ChaosProxy.open(server.connection);
    direct = server.database.pool('tutti_engine', 2);
    muted = openPool(proxy.connection, 'tutti_engine', { size: 1 });
    // Published, so that what follows is about the run alone.
    await submitRun(new Store(muted), registry, quick);
  });
  after(async () => {
    await muted.end();
    await proxy[Symbol.asyncDispose]();
    await server[Symbol.asyncDispose]();
  });

  async function runs(key?: string): Promise<readonly string[]> {
    const { rows } = await direct.query<{ id: string }>(
      'SELECT id FROM tutti.run WHERE key IS NOT DISTINCT FROM $1 ORDER BY id',
      [key ?? null],
    );
    return rows.map(({ id }) => id);
  }

  /** Resolves when the run is stored and nobody has been told. */
  async function stored(submission: Promise<unknown>, before: number, key?: string): Promise<void> {
    let isTold = false;
    const told = (): void => {
      isTold = true;
    };
    submission.then(told, told);
    await eventually(async () => (await runs(key)).length > before);
    assert.equal(isTold, false);
  }

  /** Does not hear what comes back from the first run that it stores. */
  function deaf(): Store {
    return new (class extends Store {
      override createRun(...args: Parameters<Store['createRun']>): ReturnType<Store['createRun']> {
        const id = args[2]?.id;
        if (id !== heard) proxy.mute();
        heard = id;
        return super.createRun(...args);
      }
    })(muted);
  }
  let heard: string | undefined;

  function openRun(error: unknown): unknown {
    return isEngineError(error) ? error.details?.run : undefined;
  }

  for (const [name, key] of [
    ['without a key', undefined],
    ['with a key', 'once'],
  ] as const)
    it(`tells of the one run that is stored, when only the way to it broke (${name})`, async () => {
      verifies('R8.crash');
      const before = (await runs(key)).length;
      const submission = submitRun(deaf(), registry, {
        ...quick,
        ...(key !== undefined && { key }),
      });
      await stored(submission, before, key);

      proxy.drop();

      const { id, isNew } = await submission;
      const after = await runs(key);
      assert.deepEqual([after.length, after.at(-1), isNew], [before + 1, id, true]);
    });

  it('tells of the one run that is stored, when the server has crashed and recovered', async () => {
    verifies('R8.crash');
    const before = (await runs()).length;
    const submission = submitRun(deaf(), registry, quick);
    await stored(submission, before);

    server.crash();
    proxy.drop();

    const { id, isNew } = await submission;
    const after = await runs();
    assert.deepEqual([after.length, after.at(-1), isNew], [before + 1, id, true]);
  });

  it('is refused at once where the database said no, for then nothing is stored', async () => {
    await direct.query('SELECT 1');
    await server.database.admin((client) =>
      client.query(`CREATE FUNCTION tutti.full() RETURNS trigger LANGUAGE plpgsql AS $$
          BEGIN RAISE EXCEPTION 'could not extend file' USING ERRCODE = '53100'; END $$;
        CREATE TRIGGER full_disk BEFORE INSERT ON tutti.run FOR EACH ROW EXECUTE FUNCTION tutti.full()`),
    );
    const before = (await runs()).length;
    const began = performance.now();

    await assert.rejects(submitRun(new Store(direct), registry, quick), { code: '53100' });

    assert.ok(performance.now() - began < 20_000);
    assert.equal((await runs()).length, before);
    await server.database.admin((client) => client.query('DROP FUNCTION tutti.full() CASCADE'));
  });

  it('is taken up by its engine when the database is back', async function () {
    verifies('R8.crash');
    const tutti = await openTestEngine(
      new URL('../../support/fixtures/lab.config.ts', import.meta.url),
      { fresh: { url: server.url, database: server.database, drop: async () => {} } },
    );
    try {
      const { engine } = tutti;
      const before = await runs();
      const submissions = Array.from({ length: 12 }, () => engine.startRun(quick));
      const settled = Promise.allSettled(submissions);
      // Some are stored by now; the others are anywhere on their way.
      await eventually(async () => (await runs()).length > before.length);
      server.crash();
      const made = await settled;
      await eventually(() => engine.trouble === null);

      // The crash may be yet to come to the notice of whoever asks.
      const now = await eventually(() => runs().catch(() => null));
      const stored = now.slice(before.length);
      const told = made.flatMap((each) => (each.status === 'fulfilled' ? [each.value.id] : []));
      // A machine that is so slow that its database is not back in time is told which runs are open.
      const open = made.flatMap((each) =>
        each.status === 'rejected' ? [openRun(each.reason)] : [],
      );
      assert.deepEqual(
        stored.filter((id) => !told.includes(id) && !open.includes(id)),
        [],
      );
      assert.deepEqual(
        told.filter((id) => !stored.includes(id)),
        [],
      );
      for (const id of stored) assert.equal(await engine.whenEnded(id), 'succeeded');
      assert.equal(tutti.failure, null);
    } finally {
      await tutti.close(this as unknown as Mocha.Context);
    }
  });
});
