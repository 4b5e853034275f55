import { createRequire } from 'node:module';

type Yaml = typeof import('yaml');

let loaded: Yaml | null = null;

/** The YAML library. Whoever declares may also read documents, but few processes and no thread do: its 72 files are loaded at the first use. */
export function yaml(): Yaml {
  loaded ??= createRequire(import.meta.url)('yaml') as Yaml;
  return loaded;
}
