import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type pg from 'pg';
import type { EngineError } from '../../../core/base/errors.ts';
import { StepContents } from '../../../core/engine/history/step-contents.ts';
import { eraseRecord, eraseRun } from '../../../core/engine/retention/erase.ts';
import { placeHold, releaseHold } from '../../../core/engine/retention/hold.ts';
import { retryRun } from '../../../core/engine/retry.ts';
import { Undo } from '../../../core/engine/undo/undo.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';

const config = new URL('../../support/fixtures/retry.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'anna' } as const;
const crates = ['a', 'b', 'c', 'd', 'e'];

describe('a retry', function () {
  this.timeout(600_000);
  const folder = mkdtempSync(join(tmpdir(), 'tutti-retry-'));
  const url = `${config}?folder=${folder}`;
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let tenantId: number;
  let tenants = 0;

  before(async () => {
    fresh = await booksDatabase();
    tutti = await openTestEngine(url, { fresh });
  });
  beforeEach(async () => {
    tenants += 1;
    tenantId = await tutti.host.store.tenant(`bay-${tenants}`);
  });
  afterEach(() => lift(...readdirSync(folder)));
  after(async function () {
    rmSync(folder, { recursive: true });
    await tutti.close();
    await fresh.drop(this);
  });

  const lay = (...names: readonly string[]) => {
    for (const name of names) writeFileSync(join(folder, name), '');
  };
  const lift = (...names: readonly string[]) => {
    for (const name of names) rmSync(join(folder, name));
  };

  let pool: pg.Pool | undefined;
  async function query<T extends object>(text: string, ...values: unknown[]): Promise<T[]> {
    pool ??= fresh.database.pool('tutti_engine', 1);
    return (await pool.query<T>(text, values)).rows;
  }

  async function retry(runId: string) {
    const { id } = await tutti.engine.retryRun({ tenantId, runId, actor });
    return { id, status: await tutti.engine.whenEnded(id) };
  }

  /** Paths of the steps that a run has attempted. */
  async function attempted(runId: string): Promise<readonly string[]> {
    const steps = await tutti.history.steps(tenantId, runId);
    return steps
      .filter(({ attempt }) => attempt > 0)
      .map(({ node, itemKey }) => (itemKey === '' ? node : `${node}[${itemKey}]`))
      .sort();
  }

  /** How many slips there are of which kind; each is to be there once. */
  async function slips(): Promise<readonly string[]> {
    const page = await tutti.host
      .connector(tenantId)
      .query({ entity: 'docket', filter: {}, limit: 200 });
    return page.rows.map((row) => String(row.crate)).sort();
  }

  const slipsOf = (names: readonly string[]) =>
    names.flatMap((name) => [`run ${name}`, `step ${name}`]).sort();

  async function outputOf(runId: string, step: string): Promise<unknown> {
    const { output } = await new StepContents(tutti.host).read({ tenantId, runId, step });
    return 'value' in output ? output.value : output;
  }

  it('does again what has failed and what rests on it, and nothing else; its retry goes on from there', async () => {
    lay('bx', 'd');
    const first = await tutti.run('load', { tenantId, input: { crates } });
    assert.equal(first.status, 'partial');
    assert.deepEqual(await tutti.history.output(tenantId, first.id), { count: 3 });

    lift('bx');
    const second = await retry(first.id);

    assert.equal(second.status, 'partial');
    assert.deepEqual(await attempted(second.id), ['each/one[d]', 'each/two[b]', 'sum']);
    assert.deepEqual(await outputOf(second.id, 'each/two[b]'), {
      crate: 'bxx',
      became: ['replayed', 'replayed'],
    });
    assert.deepEqual(await tutti.history.output(tenantId, second.id), { count: 4 });

    lift('d');
    const third = await retry(second.id);

    assert.equal(third.status, 'succeeded');
    assert.deepEqual(await attempted(third.id), ['each/one[d]', 'each/two[d]', 'sum']);
    assert.deepEqual(await tutti.history.output(tenantId, third.id), { count: 5 });
    const names = ['first', ...crates, ...crates.map((name) => `${name}x`)];
    assert.deepEqual(await slips(), slipsOf(names));
    const findings = await tutti.history.findings(tenantId, { runId: third.id });
    assert.equal(findings.length, names.length);
    const { steps, costMicroUsd } = await tutti.history.summary(tenantId, third.id);
    assert.deepEqual([steps.total, steps.succeeded, costMicroUsd], [13, 13, 0]);
    const heads = await tutti.history.runs(tenantId);
    assert.deepEqual(
      heads.map(({ retryOf, retriedBy }) => [retryOf, retriedBy]),
      [
        [second.id, null],
        [first.id, third.id],
        [null, second.id],
      ],
    );
  });

  it('goes on in the runs that its run has started, where they have failed', async () => {
    lay('b', 'last');
    const first = await tutti.run('both', { tenantId, input: { crates: ['a', 'b', 'c'] } });
    assert.equal(first.status, 'failed');

    lift('b', 'last');
    const second = await retry(first.id);

    assert.equal(second.status, 'succeeded');
    const [child] = await query<{ id: string; retry_of: string; status: string }>(
      'SELECT id, retry_of, status FROM tutti.run WHERE parent_run_id = $1',
      second.id,
    );
    assert.equal(child?.status, 'succeeded');
    assert.deepEqual(await attempted(child?.id ?? ''), ['each/one[b]', 'each/two[b]', 'sum']);
    assert.deepEqual(await slips(), slipsOf(['first', 'a', 'ax', 'b', 'bx', 'c', 'cx', 'last']));
    await assert.rejects(retry(child?.id ?? ''), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'RETRY_REFUSED');
      assert.ok(error.message.endsWith(`tutti retry ${second.id}`), error.message);
      return true;
    });
  });

  it('is gone on with by another engine after a crash', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates } });
    lift('b');
    lay('b.wait');
    const { id } = await tutti.engine.retryRun({ tenantId, runId: first.id, actor });
    await eventually(async () => {
      const steps = await tutti.history.steps(tenantId, id);
      return steps.some(({ itemKey, status }) => itemKey === 'b' && status === 'running');
    });
    await assert.rejects(retry(first.id), { code: 'RUN_UNFINISHED' });
    await assert.rejects(retry(id), { code: 'RUN_UNFINISHED' });
    await tutti.close();
    lift('b.wait');
    tutti = await openTestEngine(url, { fresh });

    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    assert.deepEqual(await attempted(id), ['each/one[b]', 'each/two[b]', 'sum']);
    const names = ['first', ...crates, ...crates.map((name) => `${name}x`)];
    assert.deepEqual(await slips(), slipsOf(names));
  });

  it('keeps what it rests on from being taken back while it goes on', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    lift('b');
    lay('b.wait');
    const { id } = await tutti.engine.retryRun({ tenantId, runId: first.id, actor });
    const { store, registry, connector } = tutti.host;
    const undo = new Undo({
      ...{ pool: fresh.database.pool('tutti_engine', 1), store, registry },
      connector: (tenant) => connector(tenant),
    });
    const ask = { tenantId, runId: first.id, actor, reason: 'a wrong truck' };

    await assert.rejects(undo.start(ask), (error: Error & { code?: string }) => {
      assert.equal(error.code, 'RUN_UNFINISHED');
      assert.ok(error.message.endsWith(`tutti cancel ${id}`), error.message);
      return true;
    });
    lift('b.wait');
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');

    assert.equal((await undo.start(ask)).isNew, true);
  });

  it('begins behind the items that succeeded before the first that broke', async () => {
    lay('b', 'd');
    const first = await tutti.run('row', { tenantId, input: { crates } });
    assert.deepEqual([first.status, await attempted(first.id)], ['failed', ['each[a]', 'each[b]']]);

    lift('b');
    const second = await retry(first.id);
    assert.equal(second.status, 'failed');
    assert.deepEqual(await attempted(second.id), ['each[b]', 'each[c]', 'each[d]']);

    lift('d');
    const third = await retry(second.id);
    assert.equal(third.status, 'succeeded');
    assert.deepEqual(await attempted(third.id), ['each[d]', 'each[e]']);
    assert.deepEqual(await slips(), slipsOf(crates));
  });

  it('is refused where what was done is taken back', async () => {
    lay('u');
    const undone = await tutti.run('strict', { tenantId, input: { crates: ['u'] } });
    lift('u');
    await assert.rejects(retry(undone.id), { code: 'RETRY_REFUSED', message: /taken back/ });
  });

  it('is one, however many ask for it at the same moment', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates } });
    const pool = fresh.database.pool('tutti_engine', 7);
    const { store, registry } = tutti.host;
    // Nothing of the retry can be recorded meanwhile, so that it does not end before all have asked.
    const holder = await pool.connect();
    await holder.query('BEGIN; SELECT FROM tutti.engine FOR UPDATE');

    const asked = await Promise.allSettled(
      Array.from({ length: 6 }, () =>
        retryRun({ pool, store, registry }, { tenantId, runId: first.id, actor }),
      ),
    );
    await holder.query('COMMIT');
    holder.release();

    const codes = asked.map((each) =>
      each.status === 'fulfilled' ? 'new' : (each.reason as EngineError).code,
    );
    assert.deepEqual(codes.sort(), [...Array(5).fill('RUN_UNFINISHED'), 'new']);
  });

  it('is refused where there is nothing to do, and found again by its key', async () => {
    const done = await tutti.run('load', { tenantId, input: { crates: ['a'] } });
    await assert.rejects(retry(done.id), { code: 'RETRY_REFUSED', message: /nothing to retry/ });
    lay('z');
    const failed = await tutti.run('load', { tenantId, input: { crates: ['z'] } });
    const ask = { tenantId, runId: failed.id, actor, key: 'again' };
    const one = await tutti.engine.retryRun(ask);
    const other = await tutti.engine.retryRun(ask);
    assert.deepEqual([one.isNew, other.isNew, other.id], [true, false, one.id]);
    await tutti.engine.whenEnded(one.id);
    await assert.rejects(retry(failed.id), { code: 'RETRY_REFUSED', message: /retry that one/ });
    lift('z');
    assert.equal((await retry(one.id)).status, 'succeeded');
    const audited = await query<{ data: unknown }>(
      `SELECT data FROM tutti.audit WHERE tenant_id = $1 AND action = 'run.retry' AND target = $2`,
      tenantId,
      one.id,
    );
    assert.deepEqual(
      audited.map(({ data }) => data),
      [{ of: failed.id, version: 1, workflow: 'load' }],
    );
  });

  it('loses its copies when its run is erased, and cannot be made of what is erased', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    const second = await retry(first.id);
    lift('b');
    const bodies = () =>
      query(
        `SELECT FROM tutti.payload p JOIN tutti.entry e ON e.run_id = p.run_id AND e.seq = p.seq
         WHERE p.run_id = $1 AND body IS NOT NULL AND (e.data ? 'carried' OR e.kind = 'run.created')`,
        second.id,
      );
    assert.notEqual((await bodies()).length, 0);

    await eraseRun(fresh.database, first.id, { tenantId, reason: 'a wish', actor });

    assert.equal((await bodies()).length, 0);
    await assert.rejects(retry(second.id), { code: 'RETRY_REFUSED', message: /erased/ });
  });

  it('loses its copies of a step that names a record which is erased, and of no other', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    const second = await retry(first.id);
    lift('b');
    // Only what it has written says whom the step is about.
    await query(
      `UPDATE tutti.effect e SET entity = 'employee', target_id = 'E-17' FROM tutti.step s
       WHERE e.run_id = $1 AND s.run_id = $1 AND s.id = e.step AND s.node = 'each/one' AND s.item_key = 'a'`,
      first.id,
    );
    const kept = () =>
      query<{ path: string }>(
        `SELECT DISTINCT s.node || '[' || s.item_key || ']' AS path FROM tutti.payload p
         JOIN tutti.entry e ON e.run_id = p.run_id AND e.seq = p.seq AND e.data ? 'carried'
         JOIN tutti.step s ON s.run_id = p.run_id AND s.id = e.step
         WHERE p.run_id = $1 AND p.body IS NOT NULL ORDER BY 1`,
        second.id,
      );
    const before = await kept();
    const record = { entity: 'employee', id: 'E-17' };
    const request = { tenantId, reason: 'a wish', actor };
    await placeHold(fresh.database, { ...request, runId: second.id });

    const held = await eraseRecord(fresh.database, record, request);
    await releaseHold(fresh.database, { tenantId, runId: second.id, actor });
    const { kept: left } = await eraseRecord(fresh.database, record, request);

    assert.deepEqual(held, { bodies: 0, runs: 0, kept: [{ runId: first.id, because: 'held' }] });
    assert.deepEqual(left, []);
    assert.deepEqual(
      await kept(),
      before.filter(({ path }) => path !== 'each/one[a]'),
    );
    assert.equal((await kept()).length, before.length - 1);
  });

  it('cannot be made of outputs that are erased, and leaves nothing of itself', async () => {
    lay('b');
    const first = await tutti.run('load', { tenantId, input: { crates: ['a', 'b'] } });
    lift('b');
    await query(
      `UPDATE tutti.payload SET body = NULL, erased_at = now() WHERE run_id = $1 AND class = 'output'`,
      first.id,
    );

    await assert.rejects(retry(first.id), { code: 'RETRY_REFUSED', message: /^Bodies of run/ });
    assert.deepEqual(await query('SELECT FROM tutti.run WHERE retry_of = $1', first.id), []);
  });
});
