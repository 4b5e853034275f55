import assert from 'node:assert/strict';
import { openTestEngine, requestOf, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';

const lab = new URL('../../support/fixtures/lab.config.ts', import.meta.url);
const request = requestOf('lab.quick', { tenantId: 1, input: { items: [{ id: 'a' }] } });

describe('the end of a run', function () {
  this.timeout(60_000);
  let tutti: TestEngine;

  before(async () => {
    tutti = await openTestEngine(lab);
  });
  after(function () {
    return tutti.close(this as unknown as Mocha.Context);
  });

  it('is told whoever asks, also when nobody asked before', async () => {
    const { id } = await tutti.engine.startRun(request);
    await eventually(
      async () => (await tutti.engine.store.runStatus(request.tenantId, id)) === 'succeeded',
    );

    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
  });

  it('is told when it came without this engine', async () => {
    const pool = tutti.fresh.database.pool('tutti_engine', 1);
    const id = '01900000-0000-7000-8000-000000000001';
    const ended = tutti.engine.whenEnded(id);
    await pool.query(
      `INSERT INTO tutti.run (tenant_id, id, workflow, workflow_version, pins, journal_v, business_date, time_zone, status, actor, ended_at)
       VALUES (1, $1, 'lab.quick', 1, '{}', 1, '2026-06-30', 'UTC', 'partial', '{}', now())`,
      [id],
    );

    assert.equal(await ended, 'partial');
  });
});
