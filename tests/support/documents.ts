import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sharedEntities } from '../../core/ports/erp/entities.ts';
import { loadRegistry, type Registry } from '../../core/sdk/registry.ts';
import examples from '../../examples/workflows/tutti.config.ts';
import { root } from '../../scripts/checks.ts';

/** A workflow document of the examples. */
export interface ExampleDocument {
  /** From the root of the repository. */
  readonly file: string;
  readonly text: string;
}

/** Every document below examples/workflows. */
export function exampleDocuments(): readonly ExampleDocument[] {
  const folder = 'examples/workflows';
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.yaml'))
    .sort()
    .map((file) => join(folder, file))
    .map((file) => ({ file, text: readFileSync(join(root, file), 'utf8') }));
}

/** The four modules with the workflows of the examples. */
export function exampleRegistry(): Registry {
  return loadRegistry(examples, sharedEntities);
}
