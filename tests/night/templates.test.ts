import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { readArguments } from '../../bin/arguments.ts';
import { workflow } from '../../bin/commands/workflow.ts';
import { hearInterrupts } from '../../bin/interrupt.ts';
import type { Terminal } from '../../bin/terminal.ts';
import { declared } from '../../bin/usages/declared.ts';
import { workflowTemplates } from '../../bin/workflow-templates.ts';
import { checkWorkflow } from '../../core/engine/graph/check.ts';
import { Versions } from '../../core/engine/versions/versions.ts';
import { readDocument } from '../../core/sdk/document/document.ts';
import type { WorkflowData } from '../../core/sdk/node.ts';
import { root } from '../../scripts/checks.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const actor = { kind: 'person', id: 'tester' } as const;
const config = join(root, 'tutti.config.ts');

describe('the templates of workflows', function () {
  this.timeout(300_000);
  const folder = scratchFolder({});
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    // Each thread loads all modules, and nothing here is about several.
    const env = { TUTTI_THREADS: '1' };
    tutti = await openTestEngine(new URL(`file://${config}`), { hasCompany: true, env });
    ({ tenantId } = await tutti.host.sampleTenant(1));
  });
  after(async function () {
    folder[Symbol.dispose]();
    await tutti.close(this);
  });

  /** `tutti workflow new`, in this process; returns what the file holds. */
  async function made(template: string, name: string): Promise<WorkflowData> {
    const argv = ['new', template, name, '--dir', folder.path, '--config', config];
    const said: string[] = [];
    const terminal: Terminal = {
      ...{ isJson: false, isLive: false, columns: 100, draw: () => {}, print: () => {} },
      ...{ bold: (text) => text, dim: (text) => text, red: (text) => text },
      say: (line = '') => said.push(line),
      warn: (line) => said.push(`warning: ${line}`),
    };
    const interrupt = hearInterrupts();
    const args = readArguments(declared.workflow, argv);
    assert.equal(await workflow({ args, terminal, interrupt, env: {} }), 0);
    interrupt.release();
    assert.deepEqual(
      said.filter((line) => line.startsWith('warning')),
      [],
    );
    const file = join(folder.path, `${name.replaceAll('_', '-')}.yaml`);
    const { data, faults } = readDocument(readFileSync(file, 'utf8'), { file });
    assert.deepEqual(faults, []);
    return data as WorkflowData;
  }

  /** What a workflow needs that has no default. */
  async function inputOf({ input = {} }: WorkflowData): Promise<unknown> {
    const needed = (input.required ?? []) as readonly string[];
    if (needed.length === 0) return {};
    const connector = tutti.host.connector(tenantId);
    const filter = { supplier: { eq: true } };
    const [party] = (await connector.query({ entity: 'party', filter, limit: 1 })).rows;
    return { vendor: party?.id, group: party?.group };
  }

  for (const { name, about, text } of workflowTemplates())
    it(`${name} is checked, published and rehearsed as it is made`, async () => {
      verifies('R1.templates', 'R14.examples');
      const own = `my_${name.replaceAll('-', '_')}`;

      const data = await made(name, own);

      assert.equal(data.name, own);
      assert.ok(
        about.length > 20 && (text.match(/^\s*#/gm) ?? []).length >= 3,
        'it explains itself',
      );
      assert.deepEqual(checkWorkflow(data, tutti.host.registry), []);
      const versions = new Versions(tutti.host.store.definitions, tutti.host.registry);
      await versions.publish({ tenantId, name: own, actor }, data);
      const { id } = await tutti.engine.startRun({
        ...requestOf(own, { tenantId, input: await inputOf(data) }),
        ...{ rehearsal: true, speed: 10_000 },
      });
      assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
    });

  it('payment-run pays nothing to who is blocked', async () => {
    const data = await made('payment-run', 'my_payments');
    const versions = new Versions(tutti.host.store.definitions, tutti.host.registry);
    await versions.publish({ tenantId, name: data.name, actor }, data);
    const connector = tutti.host.connector(tenantId);
    const vendorsPaid = async (): Promise<readonly string[]> => {
      const { id } = await tutti.engine.startRun({
        ...requestOf(data.name, { tenantId }),
        ...{ rehearsal: true, speed: 10_000 },
      });
      assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
      const output = await tutti.history.output(tenantId, id);
      const { proposal } = output as { proposal: { bills: { vendor: string }[] } };
      return proposal.bills.map(({ vendor }) => vendor);
    };

    const [vendor, ...others] = await vendorsPaid();
    const block = { entity: 'party', op: 'act', id: vendor ?? '', action: 'block' } as const;
    await connector.apply({ ...block, data: { reason: 'test' } }, { key: 'test:block' });

    assert.ok(others.some((each) => each !== vendor));
    assert.deepEqual(
      await vendorsPaid(),
      others.filter((each) => each !== vendor),
    );
    await connector.apply({ ...block, action: 'release', data: {} }, { key: 'test:release' });
  });

  it('are at least eight, over the four modules', () => {
    const all = workflowTemplates();
    const modules = new Set(
      all.flatMap(({ text }) => [...text.matchAll(/(?:agent|tool): (\w+)\./g)].map(([, of]) => of)),
    );

    assert.ok(all.length >= 8, String(all.length));
    assert.deepEqual([...modules].sort(), ['compliance', 'finance', 'hr', 'inventory']);
  });
});
