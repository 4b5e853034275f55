import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { isEngineError } from '../../../core/base/errors.ts';
import { openHeld } from '../../../core/ports/files/held-folder.ts';
import { openNamed } from '../../../core/ports/files/named-folder.ts';
import { tenantFiles } from '../../../core/ports/files/tenant-files.ts';
import type { Files } from '../../../core/sdk/outside.ts';
import { scratchFolder } from '../../support/scratch.ts';

/** What lies outside of the tenant's folder, and is never seen or changed. */
export const canary = 'CANARY-7f3a: nobody reads this';

/** The two ways to hold a folder: the second is for systems that lack the first. */
export const ways = { held: openHeld, named: openNamed };

/** Files of tenant 1, with those of tenant 2 and a folder that is nobody's around them. */
export function fileWorld(way: keyof typeof ways, limits: object = {}) {
  const folder = scratchFolder({
    'files/1/note.txt': 'inside',
    'files/1/reports/june.txt': 'inside',
    'files/2/canary.txt': canary,
    'files/canary.txt': canary,
    'outside/canary.txt': canary,
    'outside/note.txt': canary,
    'outside/reports/june.txt': canary,
    'outside/reports/canary-lies-here': canary,
    'canary.txt': canary,
  });
  mkdirSync(join(folder.path, 'outside/empty'));
  const files: Files = tenantFiles({
    ...{ root: join(folder.path, 'files'), tenantId: 1, maxBytes: 10_000, quotaBytes: 1_000_000 },
    openFolder: ways[way],
    ...limits,
  });
  const own = join(folder.path, 'files/1');
  const before = outsideOf(folder.path);
  return {
    ...{ files, own, path: folder.path },
    /** The oracle: every byte, name and time outside of the tenant's folder is as it was. */
    assertUntouched: () => assert.deepEqual(outsideOf(folder.path), before),
    [Symbol.dispose]: () => folder[Symbol.dispose](),
  };
}

/** How a call ended: what it gave, or the code of its refusal. Anything else that is thrown is a defect. */
export async function ended<T>(work: Promise<T>): Promise<T | 'FILE_REFUSED' | 'FILE_UNKNOWN'> {
  try {
    return await work;
  } catch (error) {
    if (isEngineError(error) && (error.code === 'FILE_REFUSED' || error.code === 'FILE_UNKNOWN'))
      return error.code;
    throw error;
  }
}

export function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** Names, sizes, times of change and contents of all but the tenant's own folder. */
function outsideOf(root: string): Readonly<Record<string, unknown>> {
  const own = join(root, 'files/1');
  const walk = (folder: string): [string, unknown][] =>
    readdirSync(folder, { withFileTypes: true }).flatMap((entry): [string, unknown][] => {
      const path = join(folder, entry.name);
      if (path === own) return [];
      const { mtimeMs, size, nlink } = statSync(path);
      if (entry.isDirectory()) return [[path, folder === root ? null : mtimeMs], ...walk(path)];
      return [[path, { mtimeMs, size, nlink, text: readFileSync(path, 'utf8') }]];
    });
  return Object.fromEntries(walk(root));
}
