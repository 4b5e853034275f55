import assert from 'node:assert/strict';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

/** Those that ask people, or wait for an event: in a rehearsal nobody is asked and nothing is waited for. */
const waiting = new Set(['approval_example', 'wait_example']);

describe('the example workflows', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(
      new URL('../../examples/workflows/tutti.config.ts', import.meta.url),
    );
    ({ tenantId } = await tutti.host.sampleTenant(1));
  });
  after(function () {
    return tutti.close(this);
  });

  it('run over the sample company, each kind of node among them', async () => {
    verifies('R1.document-form');
    const names = [...tutti.host.registry.workflows.keys()];
    assert.ok(names.length >= 15, names.join());

    const ended: Record<string, string> = {};
    for (const workflow of names) {
      const rehearsal = waiting.has(workflow) ? { rehearsal: true, speed: 10_000 } : {};
      const { id } = await tutti.engine.startRun({
        ...requestOf(workflow, { tenantId }),
        ...rehearsal,
      });
      ended[workflow] = await tutti.engine.whenEnded(id);
    }

    assert.deepEqual(ended, Object.fromEntries(names.map((name) => [name, 'succeeded'])));
  });
});
