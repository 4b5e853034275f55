import type { BigIntStats } from 'node:fs';
import { lstat, open, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import { type Folder, isWithin, type OpenFolder } from './folder.ts';

/**
 * Folders by their path, where they cannot be held open: each is looked at when it is entered, and again, with what was opened in
 * it, before anything is read, written or put in place. Links are refused. Somebody who swaps folders of the root at that very
 * moment may see an empty file appear where the link leads; Linux does not have this gap (held-folder.ts).
 */
export const openNamed: OpenFolder = async (root) => named(root, root, await identityOf(root));

function named(path: string, root: string, identity: string): Folder {
  const at = (name = ''): string => join(path, name);
  const isInside = async (): Promise<boolean> =>
    isWithin(root, await realpath(path)) && (await identityOf(path)) === identity;
  return {
    at,
    enter: async (name) => named(at(name), root, await identityOf(at(name))),
    isInside,
    async holds(file, name) {
      const opened = await file.stat({ bigint: true });
      const lying = await lstat(at(name), { bigint: true });
      return (await isInside()) && numberOf(opened) === numberOf(lying);
    },
    async sync() {
      // Windows opens no folder for this, and keeps its entries in order by itself.
      if (process.platform === 'win32') return;
      const handle = await open(path);
      await handle.sync().finally(() => handle.close());
    },
    close: async () => {},
  };
}

async function identityOf(path: string): Promise<string> {
  const stats = await lstat(path, { bigint: true });
  if (stats.isDirectory()) return numberOf(stats);
  throw new NoFolder('No folder.');
}

function numberOf({ dev, ino }: BigIntStats): string {
  return `${dev}:${ino}`;
}

/** What the system itself says where it can be told to follow no link. */
class NoFolder extends Error {
  readonly code = 'ENOTDIR';
  readonly syscall = 'lstat';
}
