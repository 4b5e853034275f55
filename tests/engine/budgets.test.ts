import assert from 'node:assert/strict';
import { Budgets } from '../../core/engine/limits/budgets.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import { verifies } from '../support/verifies.ts';

const actor = { kind: 'person', id: 'anna' } as const;

describe('budgets of an engine that runs', function () {
  this.timeout(180_000);
  let lab: TestEngine;
  let budgets: Budgets;

  before(async () => {
    lab = await openTestEngine(new URL('../support/fixtures/model.config.ts', import.meta.url));
    budgets = new Budgets(lab.host.database, lab.host);
  });
  after(function () {
    return lab.close(this);
  });

  const degraded = async (tenantId: number): Promise<number> => {
    const { id } = await lab.run('lab.ask', { tenantId, input: { items: [{ id: 'q' }] } });
    return (await lab.history.summary(tenantId, id)).steps.degraded;
  };

  it('stop model calls when they are lowered, and let them go on when they are raised', async () => {
    verifies('R7.budget', 'R7.on-budget');
    const tenantId = await lab.host.store.tenant('moved');
    assert.equal(await degraded(tenantId), 0);

    await budgets.set(tenantId, 'workflow:lab.ask', { microUsd: 100, actor });
    await eventually(async () => (await degraded(tenantId)) === 1);
    await budgets.set(tenantId, 'workflow:lab.ask', { microUsd: 200_000, actor });

    await eventually(async () => (await degraded(tenantId)) === 0);
    const { items } = await budgets.list(tenantId);
    assert.deepEqual(
      items.map((each) => [each.scope, each.limitMicroUsd, each.reservedMicroUsd]),
      [
        ['tenant', 100_000, 0],
        ['module:lab', 100_000, 0],
        ['workflow:lab.ask', 200_000, 0],
      ],
    );
  });

  it('warn once, in the run that came near to the limit', async () => {
    const tenantId = await lab.host.store.tenant('warned');
    const { settledMicroUsd: one } = await afterOneRun(tenantId);
    await budgets.set(tenantId, 'module:lab', { microUsd: one + 4_000, actor });
    await eventually(async () => {
      await degraded(tenantId);
      return (await budgets.list(tenantId)).items[1]?.warnedAt;
    });
    await degraded(tenantId);

    const warned = async (): Promise<readonly unknown[]> => {
      const runs = await lab.history.runs(tenantId);
      const entries = await Promise.all(
        runs.map((run) => lab.history.entries(tenantId, run.id, 0)),
      );
      return entries.flat().flatMap(({ kind, data }) => (kind === 'budget.warned' ? [data] : []));
    };
    const [warning, ...others] = (await warned()) as { scope: string; limitMicroUsd: number }[];
    assert.deepEqual(others, []);
    assert.deepEqual([warning?.scope, warning?.limitMicroUsd], ['module:lab', one + 4_000]);
  });

  async function afterOneRun(tenantId: number) {
    await degraded(tenantId);
    const { items } = await budgets.list(tenantId);
    assert.equal(items[1]?.warnedAt, null);
    return items[1];
  }
});
