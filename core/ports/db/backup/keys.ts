import { existsSync } from 'node:fs';
import { EngineError } from '../../../base/errors.ts';
import { type Header, invalid, nameOf, type SavedTable } from './header.ts';
import { checkBackup } from './read-file.ts';

/*
 * Data keys of encrypted bodies are saved into a file of their own: who erases deletes keys, and a backup that kept them could still be
 * read. Of those files only the newest is needed, for any backup before it; what has been erased since is in none.
 */

const keyTable = 'tutti.data_key';
const masterTable = 'tutti.master_key';

/** Says of a restore that what is encrypted is to stay unreadable. */
export const withoutKeys = 'none';

/** Where the data keys of a backup go, unless somebody names another place. */
export const keysPathOf = (path: string): string => `${path}.keys`;

/** Whether it is the table of data keys. */
export const isKeyTable = (table: Pick<SavedTable, 'schema' | 'name'>): boolean =>
  nameOf(table) === keyTable;

/**
 * The file with the data keys of a backup; null: it needs none, or is to be restored without.
 * @throws INPUT_INVALID where it is not there · BACKUP_INVALID
 */
export async function keysFor(
  { path, header }: { readonly path: string; readonly header: Header },
  named: string | undefined,
): Promise<string | null> {
  const names = header.tables.map(nameOf);
  const isNeeded = names.includes(masterTable) && !names.includes(keyTable);
  if (!isNeeded || named === withoutKeys) return null;
  const keys = named ?? keysPathOf(path);
  if (named === undefined && !existsSync(keys))
    throw new EngineError(
      'INPUT_INVALID',
      `What runs have stored is encrypted in this backup, and its data keys are in a file of their own: '${keys}', which is not there. Name the newest one with --keys, or --keys ${withoutKeys} to leave all of that unreadable. Nothing was restored.`,
    );
  const found = await checkBackup(keys);
  if (found.header.tables.every(isKeyTable)) return keys;
  throw invalid(`'${keys}' holds more than data keys`);
}
