import assert from 'node:assert/strict';
import { applyRetention } from '../../../core/engine/retention/apply.ts';
import { eraseRecord, eraseRun } from '../../../core/engine/retention/erase.ts';
import { retentionPolicy } from '../../../core/engine/retention/policy.ts';
import { readRecord } from '../../../core/service/batch/record.ts';
import { renderReport } from '../../../core/service/batch/report/page.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { Past } from '../../support/fixtures/old-runs.ts';
import type { FreshDatabase } from '../../support/postgres.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);
const actor = { kind: 'person', id: 'tester' } as const;

describe('retention beside an engine', function () {
  this.timeout(180_000);
  let fresh: FreshDatabase;
  const opened: TestEngine[] = [];

  const open = async () => {
    const tutti = await openTestEngine(config, { fresh });
    opened.push(tutti);
    return tutti;
  };

  before(async () => {
    fresh = await booksDatabase();
  });
  afterEach(async () => {
    for (const tutti of opened.splice(0)) await tutti.close();
  });
  after(function () {
    return fresh.drop(this);
  });

  it('touches nothing of a run that goes on, which another engine then takes up where it was', async () => {
    const first = await open();
    const tenantId = await first.host.store.tenant('ours');
    const past = new Past(fresh.database);
    const { id } = await first.engine.startRun(requestOf('pause', { tenantId }));
    await eventually(
      async () => (await first.history.steps(tenantId, id))[0]?.status === 'succeeded',
    );
    await first.close();
    const before = await past.bodiesOf(id);

    const policy = retentionPolicy({ journalDays: 1, feedDays: 1 });
    const { bodies, runs } = await applyRetention(fresh.database, policy, {
      now: new Date('2090-01-01'),
    });
    const record = { entity: 'department', id: 'first' };
    const erased = await eraseRecord(fresh.database, record, { tenantId, reason: 'asked', actor });

    assert.deepEqual([bodies, runs], [0, 0]);
    assert.deepEqual(erased, { bodies: 0, runs: 0, kept: [{ runId: id, because: 'unfinished' }] });
    assert.deepEqual(await past.bodiesOf(id), before);
    const second = await open();
    await eventually(
      async () => (await second.history.steps(tenantId, id))[1]?.status === 'running',
    );
    assert.deepEqual(
      (await second.history.steps(tenantId, id)).map(({ status }) => status),
      ['succeeded', 'running'],
    );
  });

  it('leaves a run that was erased with its report, its figures and its proposals', async () => {
    const tutti = await open();
    const tenantId = await tutti.host.store.tenant('others');
    const { id } = await tutti.run('chorus', { tenantId, input: { values: ['ada', 'grace'] } });
    const read = () => readRecord(tutti.history, { tenantId, runId: id, group: 'Meridian' });
    const before = await read();

    await eraseRun(fresh.database, id, { tenantId, reason: 'asked', actor });
    const after = await read();
    const again = await tutti.run('chorus', { tenantId, input: { values: ['ada'] } });

    const { durationMs: _, ...figures } = before.summary;
    assert.deepEqual({ ...after.summary, durationMs: 0 }, { ...figures, durationMs: 0 });
    assert.deepEqual(after.tools, before.tools);
    assert.deepEqual(
      after.findings.map(({ summary, evidence }) => [summary, evidence]),
      [
        ['', {}],
        ['', {}],
      ],
    );
    const page = renderReport(after);
    assert.match(renderReport(before), /Said grace/);
    assert.doesNotMatch(page, /Said grace/);
    assert.equal(page.split('Its text has been erased.').length - 1, 4);
    assert.equal(again.status, 'succeeded');
    const [known] = await tutti.history.findings(tenantId, { runId: again.id });
    assert.deepEqual([known?.known, known?.summary], [true, 'Said ada.']);
  });
});
