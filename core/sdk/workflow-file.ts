import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { EngineError } from '../base/errors.ts';
import { readDocument } from './document/document.ts';
import type { WorkflowData } from './node.ts';
import type { Workflow } from './workflow.ts';

/**
 * Declares a workflow that stands in a YAML or JSON file: `workflowFile(new URL('./close.yaml', import.meta.url))`. The file is read
 * when somebody asks what it holds, so a thread that runs agents never reads it. Its members throw CONFIG_INVALID when the file
 * cannot be read, WORKFLOW_INVALID naming line and column when it is no workflow.
 */
export function workflowFile(file: URL): Workflow {
  let data: WorkflowData | null = null;
  const read = (): WorkflowData => {
    data ??= dataIn(fileURLToPath(file));
    return data;
  };
  return Object.freeze({
    kind: 'workflow' as const,
    get name() {
      return read().name;
    },
    get input() {
      return z.fromJSONSchema({ ...read().input });
    },
    record: read,
  });
}

function dataIn(file: string): WorkflowData {
  const { data, faults } = readDocument(textOf(file), { file });
  if (data) return data;
  const [first] = faults;
  const others = faults.length > 1 ? ` (and ${faults.length - 1} more)` : '';
  throw new EngineError(
    'WORKFLOW_INVALID',
    `${file}:${first?.line}:${first?.column}: ${first?.message}${others}; see: tutti workflow check ${file}`,
  );
}

function textOf(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const why = (error as Error).message;
    throw new EngineError('CONFIG_INVALID', `The workflow '${file}' cannot be read: ${why}`);
  }
}
