import assert from 'node:assert/strict';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

/** Those that ask people, or wait for an event: in a rehearsal nobody is asked and nothing is waited for. */
const waiting = new Set(['approval_example', 'wait_example']);

// Each thread loads all modules, and nothing here is about several.
const env = { TUTTI_THREADS: '1' };

/** What each of the examples of one file in TypeScript brings. */
const programs = {
  basic: { agents: 3, modules: ['desk'] },
  parallel: { agents: 0, modules: [] },
  batching: { agents: 10, modules: ['desk'] },
  'erp-multi-module': { agents: 20, modules: ['compliance', 'finance', 'hr', 'inventory'] },
} as const;

describe('the example workflows', function () {
  this.timeout(180_000);
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(
      new URL('../../examples/workflows/tutti.config.ts', import.meta.url),
      { hasCompany: true, env },
    );
    ({ tenantId } = await tutti.host.sampleTenant(1));
  });
  after(function () {
    return tutti.close(this);
  });

  it('run over the sample company, each kind of node among them', async () => {
    verifies('R1.document-form', 'R14.examples');
    // Those of modules belong to hooks, which give them what they look at.
    const names = [...tutti.host.registry.workflows]
      .filter(([, { module }]) => module === null)
      .map(([name]) => name);
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

describe('the example programs', function () {
  this.timeout(180_000);
  for (const [file, expected] of Object.entries(programs))
    it(`examples/${file}.ts runs over the sample company`, async function () {
      verifies('R14.examples', 'R1.typescript-form', 'R1.parallel-runs');
      const tutti = await openTestEngine(new URL(`../../examples/${file}.ts`, import.meta.url), {
        ...{ hasCompany: true, env },
      });
      try {
        const { tenantId } = await tutti.host.sampleTenant(1);

        const { id, status } = await tutti.run(file.replaceAll('-', '_'), { tenantId });

        assert.equal(status, 'succeeded');
        const { agents, modules } = await tutti.history.summary(tenantId, id);
        assert.ok(agents >= expected.agents, `${agents} agents`);
        assert.deepEqual(modules, expected.modules);
        const runs = await tutti.history.runs(tenantId, { limit: 9 });
        assert.deepEqual(
          runs.map(({ workflow }) => workflow).sort(),
          file === 'parallel' ? ['books', 'parallel', 'stock'] : [file.replaceAll('-', '_')],
        );
      } finally {
        await tutti.close(this);
      }
    });
});
