import type { FileHandle } from 'node:fs/promises';
import { isAbsolute, relative, sep } from 'node:path';

/** A folder that was reached from a tenant's root without following a link, to be closed. What fails rejects with the system's error. */
export interface Folder {
  /** Where the system finds an entry of it; without a name, the folder itself. */
  at(name?: string): string;
  /** The folder of that name in it. */
  enter(name: string): Promise<Folder>;
  /** Whether it lies in the root now. */
  isInside(): Promise<boolean>;
  /** Whether what was opened as its entry of that name lies in the root. */
  holds(file: FileHandle, name: string): Promise<boolean>;
  /** Makes its entries durable, where the system knows how. */
  sync(): Promise<void>;
  close(): Promise<void>;
}

/** Opens the root; it may not be a link itself. */
export type OpenFolder = (root: string) => Promise<Folder>;

/** Whether a real path lies in a real root, or is it. */
export function isWithin(root: string, path: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith(`..${sep}`) && !isAbsolute(way);
}
