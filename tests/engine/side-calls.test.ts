import assert from 'node:assert/strict';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

describe('tools and an ERP that allow only so many calls', () => {
  let lab: TestEngine;
  let tenantId: number;

  before(async () => {
    lab = await openTestEngine(new URL('../support/fixtures/busy.config.ts', import.meta.url));
    tenantId = await lab.host.store.tenant('busy');
  });
  after(function () {
    return lab.close(this);
  });

  async function outputsOf(runId: string): Promise<readonly { most: number }[]> {
    const { rows } = await lab.host.database.pool('tutti_engine', 1).query<{ most: number }>(
      `SELECT (convert_from(p.body, 'UTF8')::jsonb->>'most')::int AS most FROM tutti.step s
         JOIN tutti.payload p USING (tenant_id, run_id) WHERE s.run_id = $1 AND p.seq = s.output_seq AND s.item_key <> ''`,
      [runId],
    );
    return rows;
  }

  it('are called by no more at once, and the time that a call waits is not its tool’s', async () => {
    verifies('R5.tool-limit', 'R6.tool-level');
    // 20 calls of 40 ms, two at once, take longer than the 300 ms that each is given.
    const items = Array.from({ length: 20 }, (_, index) => ({ id: `i${index}`, erp: false }));

    const run = await lab.run('many', { tenantId, input: { items } });

    assert.equal(run.status, 'succeeded');
    const outputs = await outputsOf(run.id);
    assert.equal(outputs.length, 20);
    assert.equal(Math.max(...outputs.map(({ most }) => most)), 2);
  });

  it('let a tool call go on that asks the ERP several times at once', async () => {
    const items = Array.from({ length: 6 }, (_, index) => ({ id: `e${index}`, erp: true }));

    const run = await lab.run('many', { tenantId, input: { items } });

    assert.equal(run.status, 'succeeded');
  });
});
