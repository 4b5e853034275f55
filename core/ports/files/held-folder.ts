import { constants, existsSync } from 'node:fs';
import { type FileHandle, open, readlink } from 'node:fs/promises';
import { type Folder, isWithin, type OpenFolder } from './folder.ts';

const asFolder = constants.O_RDONLY | constants.O_DIRECTORY | constants.O_NOFOLLOW;

/** Whether folders can be held open here: Linux with its process file system. */
export function canHold(): boolean {
  return process.platform === 'linux' && existsSync('/proc/self/fd');
}

/**
 * Folders as open descriptors. `/proc/self/fd/N/name` is looked up in the folder that descriptor N holds, whatever has been put in
 * its place since, so each step from the root to a file is what openat(2) with O_NOFOLLOW does: no swap of a folder for a link
 * leads anywhere. See proc_pid_fd(5).
 */
export const openHeld: OpenFolder = async (root) => {
  const handle = await open(root, asFolder);
  try {
    return held(handle, await readlink(descriptor(handle)));
  } catch (error) {
    await handle.close();
    throw error;
  }
};

function held(handle: FileHandle, root: string): Folder {
  const at = (name = '.'): string => `${descriptor(handle)}/${name}`;
  return {
    at,
    enter: async (name) => held(await open(at(name), asFolder), root),
    isInside: async () => isWithin(root, await readlink(descriptor(handle))),
    // The folder cannot have been another one; that it was moved out of the root can be seen here.
    holds: async (file) => isWithin(root, await readlink(descriptor(file))),
    sync: () => handle.sync(),
    close: () => handle.close(),
  };
}

function descriptor({ fd }: FileHandle): string {
  return `/proc/self/fd/${fd}`;
}
