import { mkdir, realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Files } from '../../sdk/outside.ts';
import { checkSize, listEntries, type Place, putWhole, readWhole } from './contents.ts';
import type { Folder, OpenFolder } from './folder.ts';
import { namesOf } from './path.ts';
import { codeOf, fromSystem, refused, unknown } from './refusal.ts';
import { bytesOf, usedBytes } from './usage.ts';

/** Where a tenant's files lie, and how much they may be. */
export interface TenantPlace {
  /** Folder of all tenants, absolute; it alone may be a link. */
  readonly root: string;
  readonly tenantId: number;
  readonly maxBytes: number;
  readonly quotaBytes: number;
  readonly openFolder: OpenFolder;
}

/** The files below `root/<tenant id>`. Nothing is touched before it is used, and nothing stays open afterwards. */
export function tenantFiles(place: TenantPlace): Files {
  return {
    read: (path) =>
      told(path, async () => {
        const names = namesOf(path);
        return await within(place, async (root) => {
          if (!root) throw unknown(path);
          return await inParent(root, { names, path }, (entry) => readWhole(entry, place.maxBytes));
        });
      }),
    list: (path) =>
      told(path, async () => {
        const names = namesOf(path);
        return await within(place, async (root) => {
          if (root) return await inFolder(root, { names }, listEntries);
          if (names.length > 0) throw unknown(path);
          return [];
        });
      }),
    write: (path, content) =>
      told(path, async () => {
        const names = namesOf(path);
        const bytes = Buffer.from(content as string);
        checkSize(bytes.length, { maxBytes: place.maxBytes, path });
        await mkdir(join(place.root, String(place.tenantId)), { recursive: true, mode: 0o700 });
        return await within(place, async (root) => {
          if (!root) throw unknown(path);
          const limits = { root, path, quotaBytes: place.quotaBytes };
          const make = async (): Promise<void> => await checkQuota(limits, bytesOf(bytes.length));
          return await inParent(root, { names, path, make }, (entry) =>
            putWhole(entry, bytes, async (replaced) =>
              checkQuota(limits, replaced === null ? 0 : -bytesOf(replaced)),
            ),
          );
        });
      }),
  };
}

async function told<R>(path: string, work: () => Promise<R>): Promise<R> {
  try {
    return await work();
  } catch (error) {
    throw fromSystem(error, path);
  }
}

/** The tenant's folder, null while there is none. */
async function within<R>(
  { root, tenantId, openFolder }: TenantPlace,
  work: (root: Folder | null) => Promise<R>,
): Promise<R> {
  const folder = await openTenant(root, tenantId, openFolder);
  try {
    return await work(folder);
  } finally {
    await folder?.close();
  }
}

async function openTenant(
  root: string,
  tenantId: number,
  openFolder: OpenFolder,
): Promise<Folder | null> {
  try {
    return await openFolder(join(await realpath(root), String(tenantId)));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

interface Way {
  readonly names: readonly string[];
  /** Asked before a folder is made that is not there. @default none is made */
  readonly make?: () => Promise<void>;
}

async function inParent<R>(
  root: Folder,
  { names, path, make }: Way & { readonly path: string },
  work: (place: Place) => Promise<R>,
): Promise<R> {
  const name = names.at(-1);
  if (name === undefined) throw refused(path, 'it is the folder of the tenant; name a file in it');
  const way = { names: names.slice(0, -1), ...(make && { make }) };
  return await inFolder(root, way, (folder) => work({ folder, name, path }));
}

/** Each folder is entered from the one above it, which stays open until the work is done. */
async function inFolder<R>(
  folder: Folder,
  { names: [name, ...rest], make }: Way,
  work: (folder: Folder) => Promise<R>,
): Promise<R> {
  if (name === undefined) return await work(folder);
  const inner = await enter(folder, name, make);
  try {
    return await inFolder(inner, { names: rest, ...(make && { make }) }, work);
  } finally {
    await inner.close();
  }
}

async function enter(folder: Folder, name: string, make: Way['make']): Promise<Folder> {
  try {
    return await folder.enter(name);
  } catch (error) {
    if (!make || codeOf(error) !== 'ENOENT') throw error;
  }
  await make();
  await mkdir(folder.at(name), { mode: 0o700 }).catch((error: unknown) => {
    if (codeOf(error) !== 'EEXIST') throw error;
  });
  await folder.sync();
  return await folder.enter(name);
}

/**
 * Of two writers at once each has its bytes on the disk before it measures, so whoever measures last counts both: they may both be
 * refused, and never both go beyond the quota.
 */
async function checkQuota(
  {
    root,
    path,
    quotaBytes,
  }: { readonly root: Folder; readonly path: string; readonly quotaBytes: number },
  moreBytes: number,
): Promise<void> {
  const bytes = (await usedBytes(root)) + moreBytes;
  if (bytes <= quotaBytes) return;
  throw refused(
    path,
    `with it the tenant's files would take ${bytes} bytes of ${quotaBytes} (files.quotaBytes); replace or remove some`,
  );
}
