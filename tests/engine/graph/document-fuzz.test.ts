import assert from 'node:assert/strict';
import { fuzzDocuments } from '../../support/document-fuzz-run.ts';
import { task, workflow } from '../../support/fixtures/graphs.ts';
import { brokenGraph } from '../../support/graph-oracle.ts';
import { verifies } from '../../support/verifies.ts';

const documents = Number(process.env.FUZZ_RUNS ?? 2_000);

describe('random and mutated documents', function () {
  this.timeout(60_000 + documents * 50);

  it('are read, checked and compiled without a crash, in bounded time, and none is accepted that breaks I11', () => {
    verifies('R1.document-form', 'R2.cycle', 'R2.missing');
    fuzzDocuments(documents);
  });

  it('have an oracle that sees what breaks I11', () => {
    const nodes = {
      twice: [task('a'), task('a')],
      missing: [task('a', { after: ['b'] })],
      mentioned: [task('a'), task('b', { input: { cel: 'nodes.a.output' } })],
      cycle: [task('a', { after: ['b'] }), task('b', { after: ['a'] })],
    };

    for (const [name, broken] of Object.entries(nodes))
      assert.ok(brokenGraph(workflow(broken)), name);
    assert.equal(brokenGraph(workflow([task('a'), task('b', { after: ['a'] })])), null);
  });
});
