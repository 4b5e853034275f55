// Writes docs/workflow.schema.json from the form of workflow documents; a test of the house compares the two.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { z } from 'zod';
import { documentSchema } from '../core/sdk/document/document-schema.ts';
import { root } from './checks.ts';

/** Where the schema is. */
export const workflowSchemaPath: string = join(root, 'docs/workflow.schema.json');

/** The schema, as it is to be: draft 7, which every editor knows. */
export function workflowSchema(): string {
  const schema = z.toJSONSchema(documentSchema, { io: 'input', target: 'draft-7' });
  const { $schema, ...rest } = schema;
  const title = 'A workflow of Tutti';
  return `${JSON.stringify({ $schema, title, ...rest }, null, 2)}\n`;
}

if (import.meta.main) writeFileSync(workflowSchemaPath, workflowSchema());
