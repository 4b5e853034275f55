import assert from 'node:assert/strict';
import { generateSample } from '../../core/ports/erp/sample.ts';
import config from '../../tutti.config.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { markAll } from '../support/finding-mark.ts';
import { verifies } from '../support/verifies.ts';

describe('a night over another company', function () {
  this.timeout(600_000);
  let tutti: TestEngine;

  before(async () => {
    tutti = await openTestEngine(new URL('../../tutti.config.ts', import.meta.url));
  });
  after(function () {
    return tutti.close(this);
  });

  const samples = () =>
    Promise.all(config.modules.flatMap(({ sample }) => (sample ? [sample()] : [])));

  it('four times the size runs more than 2,000 agents and finds exactly what is planted', async () => {
    verifies('R2.five-hundred');
    const { truth } = generateSample({ samples: await samples(), scale: 4 });
    const { tenantId } = await tutti.host.sampleTenant(4);

    const { id, status } = await tutti.run('nightly', { tenantId });

    const found = await tutti.history.findings(tenantId, { runId: id });
    const { agents, durationMs } = await tutti.history.summary(tenantId, id);
    assert.equal(status, 'succeeded');
    assert.ok(agents >= 2_000, `${agents} agents ran`);
    assert.deepEqual(markAll(found), markAll(truth));
    assert.ok(durationMs < 300_000, `the night took ${durationMs} ms`);
  });

  it('of the same size finds what is planted elsewhere', async () => {
    const made = { samples: await samples() };
    const { truth } = generateSample({ ...made, seed: 2 });
    const { tenantId } = await tutti.host.sampleTenant(1, 2);

    const { id, status } = await tutti.run('nightly', { tenantId });

    const found = await tutti.history.findings(tenantId, { runId: id });
    assert.equal(status, 'succeeded');
    assert.deepEqual(markAll(found), markAll(truth));
    assert.notDeepEqual(markAll(truth), markAll(generateSample(made).truth));
  });
});
