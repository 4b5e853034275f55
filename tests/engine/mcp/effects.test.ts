import assert from 'node:assert/strict';
import { decide } from '../../../core/engine/approvals/decide.ts';
import { requestOf } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { McpLab } from './lab.ts';

describe('effects by MCP servers', () => {
  let lab: McpLab;

  before(async () => {
    lab = await McpLab.open();
  });
  after(function () {
    return lab.close(this);
  });

  it('are rehearsed and planned without a call, while what only reads is read truly', async () => {
    const { tutti, tenantId } = lab;
    for (const workflow of ['telling', 'echoing']) {
      const request = { ...requestOf(workflow, { tenantId }), rehearsal: true, speed: 1_000 };
      const { id } = await tutti.engine.startRun(request);
      assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
      await tutti.host.planner.plan(request, new AbortController().signal);
    }

    assert.equal(lab.starts('second'), 0);
    assert.equal(lab.calls('first').length, 2);
    assert.equal(lab.starts('first'), 1);
  });

  it('happen at the server that the node has named, once people have agreed, and under the policy of the agent that asked', async () => {
    verifies('R12.approvals', 'R5.mcp-routing');
    const { tutti, tenantId } = lab;
    const pool = tutti.host.database.pool('tutti_engine', 1);
    const { status } = await lab.run('telling');
    assert.equal(status, 'succeeded');
    assert.equal(lab.starts('second'), 0);
    const { rows } = await pool.query<{ id: string }>(
      `SELECT id FROM tutti.approval WHERE tenant_id = $1 AND state = 'open'`,
      [tenantId],
    );

    for (const { id } of rows)
      await decide(
        pool,
        { tenantId, id, decision: 'granted', person: 'anna', via: 'test' },
        tutti.host.config.roles ?? {},
      );

    await eventually(() => lab.calls('second').length > 1);
    const texts = lab.calls('second').map(({ name, arguments: args }) => {
      return `${name} ${(args as { text: string }).text}`;
    });
    assert.deepEqual(texts.toSorted(), ['echo ben: hello', 'echo eva: hello']);
    const [, second] = tutti.host.mcp?.servers() ?? [];
    const policies = second?.profiles.map(({ policy, calls }) => `${policy} ${calls}`) ?? [];
    assert.deepEqual(policies.toSorted(), ['standard 1', 'tellers 1']);
    assert.equal(lab.starts('third'), 0);
  });
});
