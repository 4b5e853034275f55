import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { root } from '../../scripts/checks.ts';

const ignored = new Set(['node_modules', '.git', '.tutti', 'dist', 'coverage']);

/** Every file of the repository that is kept, as a path from its root. */
export function keptFiles(folder = ''): readonly string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    if (ignored.has(entry.name)) return [];
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`;
    return entry.isDirectory() ? keptFiles(path) : [path];
  });
}

/** The program's files: TypeScript, and JavaScript that runs before TypeScript can. */
export function sourceFiles(): readonly string[] {
  return keptFiles().filter((file) => /\.(ts|tsx|mjs|cjs)$/.test(file));
}
