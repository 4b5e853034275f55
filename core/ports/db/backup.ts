import type pg from 'pg';
import { keysFor } from './backup/keys.ts';
import { checkBackup } from './backup/read-file.ts';
import { type Restored, refuseNewer, restoreDatabase } from './backup/restore.ts';
import { type Saved, type SaveOptions, saveDatabase } from './backup/save.ts';
import { type ConnectionConfig, openLogin } from './connection.ts';
import { openEmbedded } from './embedded.ts';

/*
 * A logical backup, for the embedded server and any other alike, without pg_dump: every row of both schemas as PostgreSQL's
 * COPY text in one file that refuses to be read when a bit of it was changed (backup/header.ts, backup/frame.ts).
 */

/** Which database. */
export interface Place {
  /** A PostgreSQL server; without it the embedded one under `dataFolder`. */
  readonly url?: string | undefined;
  readonly dataFolder: string;
}

/** Writes down in the database that it was done, on the login user's connection. @default nothing is */
interface Noting<T> {
  readonly note?: (client: pg.Client, done: T) => Promise<void>;
}

/**
 * Writes a backup of a database while engines work on it; the schema stays as it is, also an older one.
 * @throws INPUT_INVALID when there is a file already or nothing to save · CONFIG_INVALID · DB_* · DATA_FOLDER
 */
export function writeBackup(place: Place, options: SaveOptions & Noting<Saved>): Promise<Saved> {
  return withLogin(place, async (client) => {
    const saved = await saveDatabase(client, options);
    await options.note?.(client, saved);
    return saved;
  });
}

/**
 * Restores a backup into an empty database; the whole file is checked before anything is touched or started. `keysPath`: the file with its
 * data keys, or `none`. @default the one beside it, where it needs any
 * @throws BACKUP_INVALID with what is wrong and in which table · DB_VERSION when a newer Tutti wrote it · INPUT_INVALID when
 *   the database holds data or an engine works on it · CONFIG_INVALID · DB_* · DATA_FOLDER
 */
export async function restoreBackup(
  place: Place,
  path: string,
  { note, keysPath }: Noting<Restored> & { readonly keysPath?: string | undefined } = {},
): Promise<Restored> {
  const { header } = await checkBackup(path);
  refuseNewer(header);
  const keys = await keysFor({ path, header }, keysPath);
  return withLogin(place, async (client) => {
    const restored = await restoreDatabase(client, path, keys);
    await note?.(client, restored);
    return restored;
  });
}

async function withLogin<T>(
  { url, dataFolder }: Place,
  work: (client: Awaited<ReturnType<typeof openLogin>>) => Promise<T>,
): Promise<T> {
  const server = url ? null : await openEmbedded({ dataFolder });
  const config: ConnectionConfig = server?.connection ?? { connectionString: url as string };
  try {
    const client = await openLogin(config);
    return await work(client).finally(() => client.end());
  } finally {
    await server?.leave();
  }
}
