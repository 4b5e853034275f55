import assert from 'node:assert/strict';
import { History } from '../../../core/engine/history/history.ts';
import { eraseRecord, eraseRun } from '../../../core/engine/retention/erase.ts';
import { listHolds, placeHold, releaseHold } from '../../../core/engine/retention/hold.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import { viewRetention } from '../../../core/engine/retention/sizes.ts';
import { readRecord } from '../../../core/service/batch/record.ts';
import { renderReport } from '../../../core/service/batch/report/page.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import { verifies } from '../../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const request = { tenantId: 1, reason: 'asked by the person', actor };
const full = { effect: 2, finding: 2, input: 1, output: 2 };
const none = { effect: 0, finding: 0, input: 0, output: 0 };
const at = new Date();

describe('erasure', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  let past: Past;

  before(async () => {
    fresh = await freshDatabase();
    past = new Past(fresh.database);
  });
  after(function () {
    return fresh.drop(this);
  });

  const erased = async (runId: string) =>
    past.one(
      `SELECT array_agg(what ORDER BY id) AS what, sum(payloads)::int AS payloads, min(reason) AS reason, min(actor->>'id') AS actor
       FROM tutti.erasure WHERE run_id = $1`,
      [runId],
    );

  it('takes every body of a run once, keeps hash and size, and says who asked and why', async () => {
    verifies('R12.erasure');
    const id = await past.plant({ at });
    const other = await past.plant({ at });

    const first = await eraseRun(fresh.database, id, request);
    const second = await eraseRun(fresh.database, id, request);

    assert.deepEqual(first, { bodies: 7, runs: 1, kept: [] });
    assert.deepEqual(second, { bodies: 0, runs: 0, kept: [] });
    assert.deepEqual(await past.bodiesOf(id), none);
    assert.deepEqual(await past.bodiesOf(other), full);
    assert.deepEqual(await erased(id), {
      what: ['run'],
      payloads: 7,
      reason: 'asked by the person',
      actor: 'tester',
    });
    const proof = await past.one(
      `SELECT encode(sha256, 'hex') = encode(sha256(convert_to('{"of":"a"}', 'UTF8')), 'hex') AS same, size FROM tutti.payload WHERE run_id = $1 AND seq = 2`,
      [id],
    );
    assert.deepEqual(proof, { same: true, size: 10 });
    assert.deepEqual(
      await past.one('SELECT count(binds)::int AS binds FROM tutti.effect WHERE run_id = $1', [id]),
      { binds: 0 },
    );
  });

  it('leaves lists and the report of the run readable, and they say what is gone', async () => {
    const tenantId = 2;
    const runId = await past.plant({ at, tenantId });
    await eraseRun(fresh.database, runId, { ...request, tenantId });
    const history = new History(fresh.database);

    const page = renderReport(await readRecord(history, { tenantId, runId, group: 'Meridian' }));

    const findings = await history.findings(tenantId, { runId });
    const proposals = await history.proposals(tenantId);
    assert.deepEqual(
      findings.map(({ kind, summary, evidence }) => ({ kind, summary, evidence })),
      Array(2).fill({ kind: 'seen', summary: '', evidence: {} }),
    );
    assert.deepEqual(
      proposals.map(({ tool, args }) => ({ tool, args })),
      Array(2).fill({ tool: 'lab.note', args: null }),
    );
    assert.equal((await history.entries(tenantId, runId, 0)).length, 7);
    assert.equal(page.split('Its text has been erased.').length - 1, 2);
  });

  it('refuses a run that goes on, one that is held, one with an effect in review, and none', async () => {
    const open = await past.plant({ at, endedAt: null });
    const held = await past.plant({ at });
    const review = await past.plant({ at });
    await placeHold(fresh.database, { tenantId: 1, runId: held, reason: 'case 7', actor });
    await past.one(`UPDATE tutti.effect SET state = 'uncertain' WHERE run_id = $1`, [review]);
    const erase = (id: string, tenantId = 1) =>
      eraseRun(fresh.database, id, { ...request, tenantId });

    await assert.rejects(erase(open), { code: 'RUN_UNFINISHED', message: /has not ended/ });
    await assert.rejects(erase(held), { code: 'RUN_HELD', message: /tutti holds/ });
    await assert.rejects(erase(review), { code: 'EFFECT_IN_REVIEW' });
    await assert.rejects(erase(held, 2), { code: 'RUN_UNKNOWN' });

    for (const id of [open, held, review]) assert.deepEqual(await past.bodiesOf(id), full);
    await releaseHold(fresh.database, { tenantId: 1, runId: held, actor });
    assert.equal((await erase(held)).bodies, 7);
  });

  it('finds a record in effects, findings, keys and texts, and takes the steps that name it only', async () => {
    const tenantId = 3;
    const plant = (run: Partial<Parameters<Past['plant']>[0]>) =>
      past.plant({ at, tenantId, ...run });
    const text = (words: string) => (key: string) => (key === 'a' ? JSON.stringify(words) : '{}');
    const byEffect = await plant({});
    await past.one(
      `UPDATE tutti.effect SET entity = 'employee', target_id = 'E-17' WHERE run_id = $1 AND step = 1`,
      [byEffect],
    );
    const byFinding = await plant({});
    await past.one(
      `UPDATE tutti.finding SET records = '[{"entity":"bill","id":"B-1"},{"entity":"employee","id":"E-17"}]' WHERE run_id = $1 AND step = 0`,
      [byFinding],
    );
    const byKey = await plant({ keys: ['E-17', 'E-18'] });
    const byBatch = await plant({});
    await past.one(
      `INSERT INTO tutti.entry (tenant_id, run_id, seq, step, kind, data) VALUES (${tenantId}, $1, 50, 0, 'step.started', '{"batch": ["E-2", "E-17"]}')`,
      [byBatch],
    );
    const byText = await plant({ body: text('Dear,\nE-17 was paid twice.') });
    const byInput = await plant({ input: '{"employee":"E-17"}' });
    const nowhere = await plant({ body: text('E-171, XE-17 and E-17a are others.') });
    const open = await plant({ endedAt: null, keys: ['E-17'] });
    const foreign = await past.plant({ at, tenantId: 4, keys: ['E-17'] });

    const record = { entity: 'employee', id: 'E-17' };
    const first = await eraseRecord(fresh.database, record, { ...request, tenantId });
    const second = await eraseRecord(fresh.database, record, { ...request, tenantId });

    const kept = [{ runId: open, because: 'unfinished' }];
    assert.deepEqual(first, { bodies: 3 + 3 + 3 + 3 + 3 + 7, runs: 6, kept });
    assert.deepEqual(second, { bodies: 0, runs: 0, kept });
    const oneStep = { effect: 1, finding: 1, input: 1, output: 1 };
    for (const id of [byEffect, byFinding, byKey, byBatch, byText]) {
      assert.deepEqual(await past.bodiesOf(id), oneStep);
      assert.deepEqual((await erased(id)).what, ['record employee:E-17']);
    }
    assert.deepEqual(await past.bodiesOf(byInput), none);
    assert.deepEqual(await past.bodiesOf(nowhere), full);
    assert.deepEqual(await past.bodiesOf(foreign), { effect: 1, finding: 1, input: 1, output: 1 });
  });

  it('finds ids with characters that JSON and patterns write in a way of their own', async () => {
    const tenantId = 5;
    for (const id of ['K"7\\2', 'Ä.(17)*', '本-1', 'a\tb']) {
      const run = await past.plant({
        at,
        tenantId,
        keys: ['x'],
        body: () => JSON.stringify({ id }),
      });

      const { bodies } = await eraseRecord(
        fresh.database,
        { entity: 'item', id },
        { ...request, tenantId },
      );

      assert.equal(bodies, 3, id);
      assert.deepEqual(await past.bodiesOf(run), { effect: 0, finding: 0, input: 1, output: 0 });
    }
  });

  it('lists holds with every reason, and refuses to hold what is not there', async () => {
    const tenantId = 6;
    const runId = await past.plant({ at, tenantId });
    for (const reason of ['case 7', 'case 7', 'case 8']) {
      await placeHold(fresh.database, { tenantId, runId, reason, actor });
    }

    const holds = await listHolds(fresh.database, tenantId);

    assert.deepEqual(
      holds.map(({ at: _, ...hold }) => hold),
      [{ runId, workflow: 'lab', reason: 'case 7; case 8', actor }],
    );
    await assert.rejects(placeHold(fresh.database, { tenantId: 7, runId, reason: '', actor }), {
      code: 'RUN_UNKNOWN',
    });
    assert.equal(await releaseHold(fresh.database, { tenantId, runId, actor }), true);
    assert.equal(await releaseHold(fresh.database, { tenantId, runId, actor }), false);
  });
});

describe('the view of retention', () => {
  let fresh: FreshDatabase;
  let past: Past;

  before(async () => {
    fresh = await freshDatabase();
    past = new Past(fresh.database);
  });
  after(function () {
    return fresh.drop(this);
  });

  it('tells sizes by agent, month and class, and when the policy takes what', async () => {
    const day = (text: string) => new Date(`${text}T12:00:00Z`);
    await fresh.database.ensurePartitions(day('2020-01-15'));
    const held = await past.plant({ at: day('2020-01-10') });
    await past.plant({ at: day('2020-01-20') });
    await past.plant({ at: day('2020-02-20'), endedAt: null });
    await placeHold(fresh.database, { tenantId: 1, runId: held, reason: 'case', actor });
    const policy = retentionPolicy({ journalDays: 365, bodyDays: { output: 100 } });

    const view = await viewRetention(fresh.database, policy, day('2020-04-25'));

    const [january, february] = view.months;
    assert.ok(january && january.sizeBytes > 50_000);
    assert.deepEqual(
      { ...january, sizeBytes: 0 },
      {
        ...{ month: '2020-01', sizeBytes: 0, runs: 2, unfinished: 0, held: 1 },
        dropsAt: new Date('2021-01-31T00:00:00Z'),
      },
    );
    assert.deepEqual([february?.runs, february?.unfinished, february?.dropsAt], [1, 1, null]);
    assert.deepEqual(
      view.bodies.map(({ class: name, due, nextAt }) => [name, due.bodies, nextAt]),
      [
        ['input', 1, null],
        ['output', 0, new Date('2020-04-29T13:00:00Z')],
        ['model', 0, null],
        ['finding', 0, new Date('2021-02-23T13:00:00Z')],
        ['effect', 0, new Date('2021-02-23T13:00:00Z')],
      ],
    );
    assert.deepEqual(view.agents, [
      { agent: 'lab.worker', runs: 3, steps: 6, entries: 18, bodyBytes: 6 * 36 },
      { agent: '', runs: 3, steps: 0, entries: 3, bodyBytes: 6 },
    ]);
  });

  it('refuses days that are none', () => {
    for (const days of [0, -1, 1.5, Number.NaN, 36_526]) {
      assert.throws(() => retentionPolicy({ bodyDays: { model: days } }), {
        code: 'CONFIG_INVALID',
        message: /'model'/,
      });
    }
  });
});
