import assert from 'node:assert/strict';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type pg from 'pg';
import { apiPartsOf } from '../../../bin/api.ts';
import { Approvals } from '../../../core/engine/approvals/approvals.ts';
import type { Explanation } from '../../../core/engine/explain/explanation.ts';
import { History } from '../../../core/engine/history/history.ts';
import type { StepContent } from '../../../core/engine/history/step-contents.ts';
import { eraseRun } from '../../../core/engine/retention/erase.ts';
import { createApp, listen } from '../../../core/service/api/app.ts';
import { json } from '../../service/api/api.ts';
import { booksDatabase } from '../../support/company.ts';
import { startLabEngine } from '../../support/crash-lab.ts';
import { encryptedBy, newMasterKey } from '../../support/encrypted.ts';
import { openTestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { scratchFolder } from '../../support/scratch.ts';
import { handTo, startOffice } from '../../support/scripted-office.ts';
import { UndoLab } from '../../support/undo-lab.ts';
import { verifies } from '../../support/verifies.ts';

const fixture = (name: string) => new URL(`../../support/fixtures/${name}`, import.meta.url);
const actor = { kind: 'person', id: 'anna' } as const;

/** What runs do, where all that they store is encrypted; each test tells of a word that must not lie anywhere in a body. */
describe('a run whose bodies are encrypted', function () {
  this.timeout(300_000);

  before(() => {
    process.env[encryptedBy] = newMasterKey();
    process.env.TUTTI_TEST_KEY = 'a-key-of-the-tests';
  });
  after(() => {
    delete process.env[encryptedBy];
  });

  for (const at of ['after-handing-on:2', 'after-flush:6'])
    it(`goes on with its conversation, and what it has handed on, when its engine dies ${at}`, async () => {
      verifies('R12.encryption', 'R8.crash');
      const fresh = await booksDatabase();
      const office = await startOffice();
      try {
        const pool = fresh.database.pool('tutti_engine', 1);
        const tenantId = await tenant(pool, 'office');
        const env = { TUTTI_TEST_MODEL: office.server.baseUrl('openai') };
        const lab = { tenantId, config: 'delegation.config.ts' };
        const ring = { name: 'office.bell.ring', args: { bell: 'Lovelace' } };
        const turns = [[handTo('office.helper', 'Ada'), ring], [handTo('archive.keeper', 'Grace')]];
        const items = [JSON.stringify(turns)];

        const died = await startLabEngine(fresh.url, env, { ...lab, submit: 'night', items, at })
          .ended;
        assert.equal(died.signal, 'SIGKILL', died.stderr);
        const [run] = await rowsOf<{ id: string }>(
          pool,
          "SELECT id FROM tutti.run WHERE workflow = 'night'",
        );
        const id = run?.id ?? '';
        const end = await startLabEngine(fresh.url, env, { ...lab, until: id }).ended;

        assert.deepEqual(end, { code: 0, signal: null, stderr: '' });
        const output = await new History(fresh.database).output(tenantId, id);
        const { heard } = output as { readonly heard: readonly string[] };
        assert.deepEqual(
          heard.map((each) => (JSON.parse(each) as { readonly said?: string }).said),
          ['Ada', undefined, 'Grace'],
        );
        // Turns that were answered are not asked for again.
        const [told] = await rowsOf<{ ended: number }>(
          pool,
          `SELECT count(*)::int AS ended FROM tutti.entry WHERE run_id = $1 AND kind = 'turn.ended' AND data ? 'stop' AND NOT data ? 'error'`,
          [id],
        );
        assert.equal(told?.ended, 3);
        await assertSealed(pool, ['Lovelace', 'Ada', 'Grace']);
      } finally {
        await office.server.close();
        await fresh.drop();
      }
    });

  it('is done again where it has failed, with the runs that it started, is explained and shown, and erased', async () => {
    verifies('R12.encryption', 'R12.erasure');
    using folder = scratchFolder({});
    const tutti = await openTestEngine(`${fixture('retry.config.ts')}?folder=${folder.path}`);
    const { host, engine, history } = tutti;
    try {
      const tenantId = await host.store.tenant('bay');
      for (const name of ['Hopper', 'last']) writeFileSync(join(folder.path, name), '');
      const first = await tutti.run('both', { tenantId, input: { crates: ['Noether', 'Hopper'] } });
      assert.equal(first.status, 'failed');
      for (const name of ['Hopper', 'last']) rmSync(join(folder.path, name));

      const { id } = await engine.retryRun({ tenantId, runId: first.id, actor });

      assert.equal(await engine.whenEnded(id), 'succeeded');
      const pool = host.database.pool('tutti_engine', 1);
      const [child] = await rowsOf<{ id: string }>(
        pool,
        'SELECT id FROM tutti.run WHERE parent_run_id = $1',
        [id],
      );
      const childId = child?.id ?? '';
      assert.deepEqual(await history.output(tenantId, childId), { count: 2 });
      const findings = await history.findings(tenantId, { runId: childId });
      assert.deepEqual([...new Set(findings.map(({ summary }) => summary))], ['Loaded.']);
      await assertSealed(pool, ['Noether', 'Hopper', 'Loaded']);

      const parts = apiPartsOf(host, engine, { tenantId, businessDate: '2026-06-30' });
      const server = await listen(createApp(parts), { port: 0 });
      const get = async <T>(path: string) =>
        json<T>(await fetch(`${server.url}/v1/runs/${childId}${path}`));
      const step = () => get<StepContent>(`/steps/${encodeURIComponent('each/two[Noether]')}`);
      const shown = await step();
      assert.deepEqual(shown.input, { state: 'there', value: { crate: 'Noetherx' } });
      assert.equal(shown.output.state, 'there');
      assert.match((await get<Explanation>('/explain')).note ?? '', /has ended/);

      await eraseRun(host.database, childId, { tenantId, reason: 'asked', actor });

      const { input, output } = await step();
      assert.deepEqual([input, output], [{ state: 'erased' }, { state: 'erased' }]);
      assert.equal(await keysOf(pool, childId), 0);
      await server.close();
    } finally {
      await tutti.close();
    }
  });

  it('asks people with what is to be done, does it once they agree, and takes it back', async () => {
    verifies('R12.encryption', 'R12.approvals', 'R8.undo');
    const lab = await UndoLab.open({ company: false });
    const { tenantId, pool } = lab;
    try {
      const box = async () =>
        (
          await lab.query<{ status: string }>(
            "SELECT status FROM erp.box WHERE code = 'Hamilton' ORDER BY id DESC",
          )
        )[0]?.status;
      const run = await lab.call([{ tool: 'shelf.box.store', args: { code: 'Hamilton' } }]);
      const approvals = new Approvals(pool, lab.engine.host.config.roles);
      const filter = { runId: run.id, state: 'open', limit: 1 } as const;
      const [asked] = await approvals.list(tenantId, filter);
      assert.match(JSON.stringify(asked?.shown), /Hamilton/);
      await assertSealed(pool, ['Hamilton']);

      const said = { decision: 'granted', person: 'ben', via: 'api' } as const;
      await approvals.decide({ tenantId, id: asked?.id ?? '', ...said });

      await eventually(async () => (await box()) === 'there');
      const view = await eventually(async () => {
        const taken = lab.takeBack(run.id);
        const found = await taken.catch((error: Error & { readonly code: string }) => error);
        if ('total' in found) return found;
        assert.equal(found.code, 'RUN_UNFINISHED');
        return null;
      });
      assert.equal(view.summary, '1 effect undone');
      assert.equal(await box(), 'gone');
      await assertSealed(pool, ['Hamilton']);
    } finally {
      await lab.engine.close();
    }
  });
});

async function tenant(pool: pg.Pool, slug: string): Promise<number> {
  const text = 'INSERT INTO tutti.tenant (slug) VALUES ($1) RETURNING id';
  const [row] = await rowsOf<{ id: number }>(pool, text, [slug]);
  return row?.id as number;
}

async function rowsOf<T extends object>(
  pool: pg.Pool,
  text: string,
  values: readonly unknown[] = [],
): Promise<readonly T[]> {
  return (await pool.query<T>(text, [...values])).rows;
}

/** There are bodies, each with a key, and none of them holds one of these words. */
async function assertSealed(pool: pg.Pool, words: readonly string[]): Promise<void> {
  const [found] = await rowsOf<{ all: number; plain: number; told: number }>(
    pool,
    `SELECT count(*)::int AS all, (count(*) FILTER (WHERE key_id IS NULL))::int AS plain,
       (count(*) FILTER (WHERE EXISTS (SELECT FROM unnest($1::text[]) word WHERE position(convert_to(word, 'UTF8') IN body) > 0)))::int AS told
     FROM tutti.payload WHERE body IS NOT NULL`,
    [words],
  );
  assert.ok(found && found.all > 2, `${found?.all} bodies`);
  assert.deepEqual([found.plain, found.told], [0, 0]);
}

/** How many data keys a run has for what it has stored. */
async function keysOf(pool: pg.Pool, runId: string): Promise<number> {
  const text = `SELECT count(*)::int AS keys FROM tutti.data_key k
    WHERE run_id = $1 AND EXISTS (SELECT FROM tutti.payload p WHERE p.run_id = k.run_id AND p.class = k.class)`;
  const [row] = await rowsOf<{ keys: number }>(pool, text, [runId]);
  return row?.keys ?? -1;
}
