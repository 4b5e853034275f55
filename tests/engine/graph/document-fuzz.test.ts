import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { parse } from 'yaml';
import { workflowSchemaPath } from '../../../scripts/workflow-schema.ts';
import { randomDocument } from '../../support/document-fuzz.ts';
import { fuzzDocuments } from '../../support/document-fuzz-run.ts';
import { task, workflow } from '../../support/fixtures/graphs.ts';
import { brokenGraph } from '../../support/graph-oracle.ts';
import { verifies } from '../../support/verifies.ts';

interface Part {
  readonly kind: string;
  readonly each?: readonly Part[];
  readonly for?: Part;
}
interface Document {
  readonly nodes: readonly Part[];
}

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly const?: string;
}

/** Of no consequence to what a document means; and what items go through is an agent's or tool's, with whose members it is tried. */
const notRandom = new Set([
  ...['$schema', 'foreach.critical', 'foreach.timeout', 'foreach.retry', 'foreach.budgetUsd'],
]);

/** The members that the schema of documents has: of the document, of each kind of node, and of each kind of wait. */
function membersOf(schema: Schema): readonly string[] {
  const found = Object.keys(schema.properties ?? {});
  const look = (value: unknown, above: string): void => {
    if (value === null || typeof value !== 'object') return;
    const { properties } = value as Schema;
    const kind = properties?.kind?.const;
    if (kind !== undefined && properties)
      for (const name of Object.keys(properties)) found.push(`${above}${kind}.${name}`);
    for (const [name, each] of Object.entries(value)) look(each, name === 'for' ? 'for ' : above);
  };
  look(schema, '');
  return [...new Set(found)];
}

/** The same of one document. */
function membersIn(document: Document): readonly string[] {
  const nodes = document.nodes.flatMap((node) => [node, ...(node.each ?? [])]);
  const waits = nodes.flatMap((node) => node.for ?? []);
  return [
    ...Object.keys(document),
    ...nodes.flatMap((node) => Object.keys(node).map((name) => `${node.kind}.${name}`)),
    ...waits.flatMap((wait) => Object.keys(wait).map((name) => `for ${wait.kind}.${name}`)),
  ];
}

const documents = Number(process.env.FUZZ_RUNS ?? 1_000);

describe('random and mutated documents', function () {
  this.timeout(60_000 + documents * 50);

  it('are read, checked and compiled without a crash, in bounded time, and none is accepted that breaks I11', () => {
    verifies('R1.document-form', 'R2.cycle', 'R2.missing');
    fuzzDocuments(documents);
  });

  it('have every member that a document may have, at every kind of node', () => {
    const members = membersOf(JSON.parse(readFileSync(workflowSchemaPath, 'utf8')));
    const missing = new Set(members.filter((name) => !notRandom.has(name)));
    // Most have come after a few hundred; what is rare may take longer.
    for (let looked = 0; missing.size > 0 && looked < 3_000; looked += 100)
      for (const text of fc.sample(randomDocument, 100))
        for (const name of membersIn(parse(text) as Document)) missing.delete(name);

    assert.deepEqual([...missing], []);
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
