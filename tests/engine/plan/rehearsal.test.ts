import assert from 'node:assert/strict';
import type { EntryView } from '../../../core/engine/history/views.ts';
import { booksDatabase } from '../../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import type { FreshDatabase } from '../../support/postgres.ts';
import { queryAll } from '../../support/rows.ts';
import { verifies } from '../../support/verifies.ts';
import { rowCounts, stock, yardConfig } from '../../support/yard.ts';

describe('a rehearsal whose engine ends in the middle of it', function () {
  this.timeout(60_000);
  let fresh: FreshDatabase;
  let tutti: TestEngine;

  before(async () => {
    fresh = await booksDatabase();
    tutti = await openTestEngine(yardConfig, { fresh });
  });
  after(async function () {
    await tutti.close();
    await fresh.drop(this);
  });

  it('goes on as one with the next engine', async () => {
    verifies('R9.restart');
    const tenantId = await tutti.host.store.tenant('ours');
    await stock(fresh, tenantId, { 'c-1': 'a', 'c-2': 'b' });
    const request = { ...requestOf('round', { tenantId }), rehearsal: true, speed: 5 };
    const { id } = await tutti.engine.startRun(request);
    const entries = () => tutti.history.entries(tenantId, id, 0);
    const hasTurned = ({ kind }: EntryView): boolean => kind === 'turn.ended';
    await eventually(async () => (await entries()).some(hasTurned));

    await tutti.close();
    tutti = await openTestEngine(yardConfig, { fresh });

    await eventually(async () => (await tutti.history.head(tenantId, id)).endedAt !== null);
    const { status, rehearsal, steps, observed } = await tutti.history.summary(tenantId, id);
    assert.deepEqual([status, rehearsal, steps.degraded, observed], ['succeeded', true, 0, 3]);
    const started = (await entries()).filter(({ kind }) => kind === 'step.started');
    assert.ok(started.some(({ attempt }) => attempt === 2));
    assert.ok(started.every(({ data }) => data.mode === 'rehearsal'));
    const { effect, triage } = await rowCounts(fresh);
    assert.deepEqual([effect, triage], [0, 0]);
    const real = await queryAll(fresh.database, 'SELECT 1 FROM tutti.ledger WHERE NOT simulated');
    assert.deepEqual(real, []);
  });
});
