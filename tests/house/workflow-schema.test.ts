import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { z } from 'zod';
import { workflowSchema, workflowSchemaPath } from '../../scripts/workflow-schema.ts';
import { exampleDocuments } from '../support/documents.ts';

/** The part of a JSON Schema that is looked at here. */
interface Schema {
  readonly description?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
}

/** Members of objects anywhere in a schema that nothing is said about: `TaskNode.agent`. */
function undescribed(schema: unknown, name: string): readonly string[] {
  if (schema === null || typeof schema !== 'object') return [];
  const { properties = {} } = schema as Schema;
  const own = Object.entries(properties)
    .filter(([, each]) => each.description === undefined)
    .map(([member]) => `${name}.${member}`);
  return [
    ...own,
    ...Object.entries(schema).flatMap(([key, each]) => undescribed(each, `${name}.${key}`)),
  ];
}

describe('docs/workflow.schema.json', () => {
  const text = readFileSync(workflowSchemaPath, 'utf8');

  it('says what the reader of documents takes', () => {
    const hint = 'It is out of date; write it with: node scripts/workflow-schema.ts';

    assert.equal(text, workflowSchema(), hint);
  });

  it('explains every member', () => {
    assert.deepEqual(undescribed(JSON.parse(text), ''), []);
    assert.deepEqual(undescribed({ properties: { a: {} } }, 'x'), ['x.a']);
  });

  it('takes every example, and not one with a member that there is not', () => {
    const schema = z.fromJSONSchema(JSON.parse(text));
    const examples = exampleDocuments();
    assert.ok(examples.length >= 15);

    for (const { file, text: example } of examples) {
      const document = parse(example) as { readonly nodes: readonly object[] };
      const parsed = schema.safeParse(document);
      assert.ok(parsed.success, `${file}: ${parsed.error?.message}`);
      const [first, ...others] = document.nodes;
      const misspelt = { ...document, nodes: [{ ...first, agnet: 'x.y' }, ...others] };
      assert.equal(schema.safeParse(misspelt).success, false, file);
    }
  });

  it('is what every example names for editors', () => {
    for (const { file, text: example } of exampleDocuments()) {
      const depth = file.split('/').length - 1;
      const line = `# yaml-language-server: $schema=${'../'.repeat(depth)}docs/workflow.schema.json`;
      assert.equal(example.split('\n')[0], line, file);
    }
  });
});
