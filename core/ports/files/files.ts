import { resolve } from 'node:path';
import type { Files } from '../../sdk/outside.ts';
import { canHold, openHeld } from './held-folder.ts';
import { openNamed } from './named-folder.ts';
import { tenantFiles } from './tenant-files.ts';

/** The files that tools may read and write. */
export interface FilesConfig {
  /** Absolute, or from the data folder; each tenant has a folder of its own in it. @default 'files' */
  readonly root?: string;
  /** Of one file, read or written. @default 5000000 */
  readonly maxBytes?: number;
  /** Of all files of a tenant. @default 500000000 */
  readonly quotaBytes?: number;
}

/** A tenant's files. Nothing is touched before it is used. */
export type OpenFiles = (
  config: FilesConfig,
  place: { readonly dataFolder: string; readonly tenantId: number },
) => Files;

/**
 * Opens the folder of a tenant. No path, link or swap of folders leads out of it (docs/tools.md): names are checked, links are
 * refused, and what has been opened is looked at again before a byte is read or put in place.
 */
export const openFiles: OpenFiles = (
  { root = 'files', maxBytes = 5_000_000, quotaBytes = 500_000_000 },
  { dataFolder, tenantId },
) =>
  tenantFiles({
    root: resolve(dataFolder, root),
    tenantId,
    maxBytes,
    quotaBytes,
    openFolder: (folder) => (canHold() ? openHeld : openNamed)(folder),
  });
