import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';

/*
 * Mocha gives the processes of `npm test` one second to end, which a database server may need alone: what they leave behind is
 * taken away by the first process, which names them a place to say so.
 */
const variable = 'TUTTI_TEST_LEFT_BEHIND';
const longestEndMs = 10_000;

/** A server's folders, data and sockets. They stay when the first has a file `kept`. */
export type ServerFolders = readonly [data: string, sockets: string];

/** Before all processes. */
export function nameThePlace(): void {
  process.env[variable] = join(mkdtempSync(join(tmpdir(), 'tutti-test-left-')), 'folders');
}

/** A name for folders that all processes of the tests share, to be followed by more; undefined: nobody takes away what is there. */
export function placeForAll(): string | undefined {
  const place = process.env[variable];
  return place && dirname(place);
}

/** What the calling process will leave behind if it is ended before it is done. */
export function mayLeave(folders: ServerFolders): void {
  const place = process.env[variable];
  if (place) appendFileSync(place, `${JSON.stringify(folders)}\n`);
}

/** After all processes. */
export async function takeAway(): Promise<void> {
  const place = process.env[variable];
  if (!place) return;
  const lines = existsSync(place) ? readFileSync(place, 'utf8').split('\n').filter(Boolean) : [];
  for (const line of lines) await removeServer(JSON.parse(line) as ServerFolders);
  rmSync(join(place, '..'), { recursive: true, force: true });
}

async function removeServer([data, sockets]: ServerFolders): Promise<void> {
  if (existsSync(join(data, 'kept'))) return;
  const deadline = performance.now() + longestEndMs;
  while (existsSync(join(data, 'pg/postmaster.pid')) && performance.now() < deadline)
    await sleep(20);
  for (const folder of [data, sockets])
    rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}
