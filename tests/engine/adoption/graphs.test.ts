import assert from 'node:assert/strict';
import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { newId } from '../../../core/base/ids.ts';
import { Adoption } from '../../../core/engine/adoption/adoption.ts';
import { Broker } from '../../../core/engine/limits/broker.ts';
import type { RunRow, Store } from '../../../core/engine/store/store.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';

const worker = defineAgent({
  name: 'worker',
  purpose: 'Works.',
  instructions: 'Work.',
  input: z.object({}),
  output: z.object({}),
  tools: {},
}).playbook(async () => ({}));
const one = defineWorkflow({
  name: 'lab.one',
  graph: ({ task }) => void task({ id: 'only', agent: worker, input: {} }),
});
const lab = defineModule({ name: 'lab', version: '1.0.0', agents: [worker], workflows: [one] });

describe('the graphs of an engine that runs for months', () => {
  it('are those of the last versions that it has met, however many there were', async () => {
    const clock = new FakeClock();
    const registry = loadRegistry({ modules: [lab] }, []);
    let read = 0;
    const store = {
      opened: async (row: RunRow) => ({ row, keys: null }),
      workflowVersion: async () => {
        read += 1;
        return registry.workflows.get('lab.one')?.data;
      },
      history: async () => [],
      lastSeq: async () => 1,
      settleOrphans: async () => [],
      steps: async () => ({ open: [], ended: new Set(), trust: new Map(), spentMicroUsd: 0 }),
      openBudgets: async () => new Map(),
    };
    const adoption = new Adoption({
      ...{ store: store as unknown as Store, boot: newId(), registry },
      broker: new Broker({ profiles: null, limits: {}, prices: {}, clock }),
      ...{ basis: () => '', limitOf: () => 100 },
    });
    const meet = async (version: number): Promise<number> => {
      const row = { id: newId(), tenant_id: 1, workflow: 'lab.one', workflow_version: version };
      const before = read;
      await adoption.adopt({ ...row, pins: {} } as unknown as RunRow, clock.now());
      return read - before;
    };
    const versions = Array.from({ length: 600 }, (_, index) => index + 1);
    for (const version of versions) assert.equal(await meet(version), 1);

    assert.equal(await meet(600), 0);
    for (const version of versions.slice(0, 300))
      assert.equal(await meet(version), 1, `${version}`);
  });
});
