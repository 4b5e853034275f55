import assert from 'node:assert/strict';
import { History } from '../../../core/engine/history/history.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);

describe('History', () => {
  let tutti: TestEngine;
  let history: History;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(config);
    history = new History(tutti.fresh.database);
    tenantId = await tutti.host.store.tenant('ours');
  });
  after(async function () {
    await tutti.close(this);
  });

  const sing = (values: readonly string[], tenant = tenantId) =>
    tutti.run('chorus', { tenantId: tenant, input: { values } });

  it('counts what a run did', async () => {
    const { id } = await sing(['a', 'b', 'c']);

    const summary = await history.summary(tenantId, id);

    const { durationMs, ...counts } = summary;
    assert.ok(durationMs > 0);
    assert.deepEqual(counts, {
      runId: id,
      workflow: 'chorus',
      status: 'succeeded',
      rehearsal: false,
      steps: { total: 4, succeeded: 4, failed: 0, skipped: 0, cancelled: 0, degraded: 0 },
      agents: 3,
      modules: ['echo'],
      toolCalls: 6,
      recordsRead: 0,
      proposals: 3,
      observed: 0,
      costMicroUsd: 0,
      tokens: { input: 0, output: 0 },
      findings: 3,
    });
  });

  it('tells failed and skipped steps apart', async () => {
    const { id, status } = await tutti.run('stumble', { tenantId });

    const { steps, agents } = await history.summary(tenantId, id);
    const all = await history.steps(tenantId, id);

    assert.equal(status, 'partial');
    assert.deepEqual(steps, {
      total: 3,
      succeeded: 1,
      failed: 1,
      skipped: 1,
      cancelled: 0,
      degraded: 0,
    });
    assert.equal(agents, 2);
    const failed = all.find((step) => step.node === 'fail');
    assert.equal(failed?.error?.code, 'OUTPUT_INVALID');
    assert.equal(failed?.agent, 'echo.fail');
    assert.ok(failed.startedAt instanceof Date && failed.endedAt instanceof Date);
  });

  it('lists runs newest first, page by page', async () => {
    const ids = [];
    for (const value of ['x', 'y', 'z']) ids.push((await sing([value])).id);

    const first = await history.runs(tenantId, { limit: 2 });
    const second = await history.runs(tenantId, { limit: 1, before: first[1]?.id as string });

    assert.deepEqual(
      [...first, ...second].map((run) => run.id),
      ids.reverse(),
    );
    assert.equal(first[0]?.businessDate, '2026-06-30');
    assert.ok(first[0]?.createdAt instanceof Date);
  });

  it('reads entries in order, from the one asked for', async () => {
    const { id } = await sing(['e']);

    const all = await history.entries(tenantId, id, 0);
    const rest = await history.entries(tenantId, id, 3);

    assert.deepEqual(
      all.map((entry) => entry.seq),
      all.map((_, index) => index + 1),
    );
    assert.equal(all[0]?.kind, 'run.created');
    assert.equal(all.at(-1)?.kind, 'run.ended');
    assert.deepEqual(rest, all.slice(3));
  });

  it('knows a finding that an earlier run had', async () => {
    const first = await sing(['again']);
    const second = await sing(['again', 'fresh']);

    const before = await history.findings(tenantId, { runId: first.id });
    const after = await history.findings(tenantId);

    assert.deepEqual(
      before.map((finding) => finding.known),
      [false],
    );
    assert.deepEqual(new Set(after.map((finding) => finding.runId)), new Set([second.id]));
    assert.deepEqual(
      new Map(after.map((finding) => [finding.summary, finding.known])),
      new Map([
        ['Said again.', true],
        ['Said fresh.', false],
      ]),
    );
    const [again] = after.filter((finding) => finding.known);
    assert.equal(again?.fingerprint, before[0]?.fingerprint);
    assert.match(again?.id ?? '', new RegExp(`^${second.id}/\\d+$`));
    assert.deepEqual(again?.records, [{ entity: 'department', id: 'again' }]);
    assert.deepEqual(again?.evidence, { value: 'again' });
    assert.equal(again?.amount, '12.50');
    assert.equal(again?.currency, 'EUR');
    assert.equal(again?.agent, 'echo.say');
  });

  it('gives a run its proposals even when an earlier run made them first', async () => {
    const first = await sing(['note']);
    const second = await sing(['note', 'other']);

    const ofSecond = await history.proposals(tenantId, { runId: second.id });
    const all = await history.proposals(tenantId);

    assert.deepEqual(
      ofSecond.map((proposal) => proposal.args),
      [{ value: 'note' }, { value: 'other' }],
    );
    assert.deepEqual(
      ofSecond.map((proposal) => proposal.runId),
      [first.id, second.id],
    );
    assert.ok(
      ofSecond.every((proposal) => proposal.state === 'proposed' && proposal.module === 'echo'),
    );
    assert.ok(all.length > ofSecond.length);
    const [one] = ofSecond;
    const onward = await history.proposals(tenantId, {
      runId: second.id,
      after: one?.key as string,
    });
    assert.deepEqual(onward, ofSecond.slice(1));
  });

  it('shows a tenant nothing of another', async () => {
    const theirs = await tutti.host.store.tenant('theirs');
    const { id } = await sing(['secret'], theirs);

    await assert.rejects(history.head(tenantId, id), { code: 'RUN_UNKNOWN' });
    await assert.rejects(history.summary(tenantId, id), { code: 'RUN_UNKNOWN' });
    await assert.rejects(history.findings(tenantId, { runId: id }), { code: 'RUN_UNKNOWN' });
    assert.deepEqual(await history.entries(tenantId, id, 0), []);
    assert.deepEqual(await history.steps(tenantId, id), []);
    assert.ok((await history.runs(tenantId)).every((run) => run.id !== id));
    assert.ok((await history.proposals(tenantId)).every((proposal) => proposal.runId !== id));
    assert.deepEqual(
      (await history.proposals(theirs)).map((proposal) => proposal.args),
      [{ value: 'secret' }],
    );
  });

  it('takes an id that is none for an unknown run, and a tenant without runs for empty', async () => {
    const empty = await tutti.host.store.tenant('empty');

    await assert.rejects(history.head(tenantId, "x' OR 1=1"), { code: 'RUN_UNKNOWN' });
    assert.deepEqual(await history.findings(empty), []);
    assert.equal(await history.newestRun(empty), null);
  });
});
