import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { openDatabase } from '../../core/ports/db/database.ts';
import { locateCluster, type Transport } from '../../core/ports/db/embedded/cluster.ts';
import { openEmbedded } from '../../core/ports/db/embedded.ts';
import { eventually } from './eventually.ts';
import { mayLeave, placeForAll } from './left-behind.ts';

/**
 * Puts into an empty data folder what Tutti would make there at its first start: a cluster whose database has the schema in it. It is made once
 * for all processes of the tests, and copied: to make one takes seconds of processor time. Who tests the making lets Tutti make it.
 */
export async function putCluster(dataFolder: string, transport: Transport): Promise<void> {
  const place = placeForAll();
  if (place === undefined || process.platform === 'win32') return;
  const made = `${place}-${transport}`;
  if (!(await isMade(made, transport))) return;
  const [from, to] = await Promise.all(
    [made, dataFolder].map((folder) => locateCluster(folder, transport)),
  );
  execFileSync('cp', ['-a', String(from?.folder), String(to?.folder)]);
}

/** Has it made by whoever comes first. */
async function isMade(folder: string, transport: Transport): Promise<boolean> {
  const mark = join(folder, 'made');
  try {
    mkdirSync(folder);
  } catch {
    return await eventually(() => existsSync(mark)).catch(() => false);
  }
  const server = await openEmbedded({ dataFolder: folder, transport });
  const { host = '', port, password = '' } = server.connection;
  mayLeave([folder, host]);
  const url = `postgresql://tutti:${password}@localhost:${port}/tutti?host=${encodeURIComponent(host)}`;
  const database = await openDatabase({ url, dataFolder: folder });
  await database.close();
  await server.leave();
  writeFileSync(mark, '');
  return true;
}
