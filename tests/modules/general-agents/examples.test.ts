import assert from 'node:assert/strict';
import { openTestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';

/** What each example brings without the key of a model. */
const examples = [
  {
    file: 'data-analysis-team',
    workflow: 'sales_team',
    agents: ['data_team.data_analyst', 'data_team.documentation_writer'],
    findings: 0,
    brings: (output: { readonly figures: readonly { name: string; value: string }[] }) => {
      const north = output.figures.find(({ name }) => name === 'sum of revenue, region = North');
      assert.equal(north?.value, '1510.5');
      assert.match(JSON.stringify(output), /# Orders\\n\\n## Summary/);
    },
  },
  {
    file: 'code-review',
    workflow: 'code_review',
    agents: ['general.code_reviewer', 'pipeline.gatekeeper'],
    findings: 1,
    brings: (output: { mayMerge: boolean; reason: string; comments: { file: string }[] }) => {
      assert.deepEqual([output.mayMerge, output.comments.length], [false, 2]);
      assert.deepEqual(
        output.comments.map(({ file }) => file),
        ['package.json', 'src/run.ts'],
      );
      assert.match(output.reason, /^3 files were reviewed, 0 were not; 2 need changes\./);
    },
  },
  {
    file: 'security-analyst',
    workflow: 'security_check',
    agents: ['security.security_analyst'],
    findings: 1,
    brings: (output: { isSafe: boolean; weaknesses: { line: number }[] }) => {
      assert.equal(output.isSafe, false);
      assert.deepEqual(
        output.weaknesses.map(({ line }) => line),
        [1, 2, 3],
      );
      assert.doesNotMatch(JSON.stringify(output), /hunter2/);
    },
  },
] as const;

describe('the examples of agents', () => {
  for (const { file, workflow, agents, findings, brings } of examples)
    it(`examples/${file}.ts runs without a model`, async function () {
      verifies('R14.examples', 'R3.team-factory', 'R3.task-types');
      const tutti = await openTestEngine(new URL(`../../../examples/${file}.ts`, import.meta.url));
      try {
        const tenantId = await tutti.host.store.tenant('ours');

        const { id, status } = await tutti.run(workflow, { tenantId });

        const steps = await tutti.history.steps(tenantId, id);
        assert.equal(status, 'succeeded', JSON.stringify(steps.map(({ error }) => error)));
        brings((await tutti.history.output(tenantId, id)) as never);
        const runs = await tutti.history.runs(tenantId);
        const all = await Promise.all(runs.map((run) => tutti.history.steps(tenantId, run.id)));
        const acted = new Set(all.flat().flatMap(({ agent }) => agent ?? []));
        assert.deepEqual([...acted].sort(), agents);
        const found = await tutti.history.findings(tenantId, { runId: id });
        // Findings are those of the run's own steps; a code review has one a file that is blocked, all alike.
        assert.equal(found.length, findings);
      } finally {
        await tutti.close(this);
      }
    });
});
