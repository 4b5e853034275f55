import { createHash, randomUUID } from 'node:crypto';
import { constants, type Stats } from 'node:fs';
import { type FileHandle, lstat, open, readdir, rename, unlink } from 'node:fs/promises';
import type { ListedFile, WrittenFile } from '../../sdk/outside.ts';
import type { Folder } from './folder.ts';
import { isName, unfinished } from './path.ts';
import { codeOf, refused } from './refusal.ts';

/** An entry of a folder, and the path by which it was asked for. */
export interface Place {
  readonly folder: Folder;
  readonly name: string;
  readonly path: string;
}

// Where the system has no such flag (Windows), the look before and after opening must do. A named pipe would block without the second.
const forReading = constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0);
const asNew =
  constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** How often a file is opened anew that was replaced in between, where that can be seen only by its name. */
const tries = 5;

/** A file's bytes: those of one version, even when it is replaced meanwhile. @throws FILE_REFUSED, or the system's error */
export async function readWhole(place: Place, maxBytes: number): Promise<Uint8Array> {
  const { folder, name, path } = place;
  for (let count = 1; ; count += 1) {
    checkRegular(await lstat(folder.at(name)), path);
    const file = await open(folder.at(name), forReading);
    try {
      const stats = await file.stat();
      checkRegular(stats, path);
      checkSize(stats.size, { maxBytes, path });
      if (await folder.holds(file, name)) return await readBytes(file, stats.size, path);
    } finally {
      await file.close();
    }
    if (count === tries) throw refused(path, 'folders were moved while it was opened; try again');
  }
}

/**
 * Puts a whole file in place: beside it under a name of its own, durable, then renamed. `admit` is asked when the bytes are on the disk.
 * @throws FILE_REFUSED, what `admit` throws, or the system's error; the old file is then as it was
 */
export async function putWhole(
  place: Place,
  bytes: Uint8Array,
  admit: (replacedBytes: number | null) => Promise<void>,
): Promise<WrittenFile> {
  const { folder, name, path } = place;
  const replaced = await standing(place);
  const fresh = `${unfinished}${randomUUID()}`;
  try {
    await writeNew({ folder, name: fresh, path }, bytes);
    await admit(replaced);
    if (!(await folder.isInside())) throw refused(path, 'its folder was moved meanwhile');
    await rename(folder.at(fresh), folder.at(name));
  } catch (error) {
    await unlink(folder.at(fresh)).catch(() => {});
    throw error;
  }
  await folder.sync();
  return { path, bytes: bytes.length, sha256: createHash('sha256').update(bytes).digest('hex') };
}

/** What lies in a folder and can be named, by name. @throws the system's error */
export async function listEntries(folder: Folder): Promise<readonly ListedFile[]> {
  const names = (await readdir(folder.at())).filter(isName).sort();
  const listed = await Promise.all(names.map((name) => entryOf(folder, name)));
  return listed.filter((entry) => entry !== null);
}

async function entryOf(folder: Folder, name: string): Promise<ListedFile | null> {
  try {
    const stats = await lstat(folder.at(name));
    if (stats.isDirectory()) return { name, kind: 'folder', bytes: 0 };
    return stats.isFile() ? { name, kind: 'file', bytes: stats.size } : null;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

/** Bytes of the file that a new one would replace; a file with more names than one is replaced under this one only. */
async function standing({ folder, name, path }: Place): Promise<number | null> {
  try {
    const stats = await lstat(folder.at(name));
    checkKind(stats, path);
    return stats.size;
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return null;
    throw error;
  }
}

async function writeNew({ folder, name, path }: Place, bytes: Uint8Array): Promise<void> {
  const file = await open(folder.at(name), asNew, 0o600);
  try {
    if (!(await folder.holds(file, name))) throw refused(path, 'its folder was moved meanwhile');
    await file.writeFile(bytes);
    await file.sync();
  } finally {
    await file.close();
  }
}

/** A file that grows while it is read is not one that we put in place: no moment has it whole. */
async function readBytes(file: FileHandle, size: number, path: string): Promise<Uint8Array> {
  const bytes = Buffer.alloc(size + 1);
  let length = 0;
  for (;;) {
    const { bytesRead } = await file.read(bytes, length, bytes.length - length, length);
    length += bytesRead;
    if (length > size) throw refused(path, 'something writes to it right now; try again');
    if (bytesRead === 0) return new Uint8Array(bytes.buffer, bytes.byteOffset, length);
  }
}

/** Another name of the same file may lie outside of the root, and nothing says where: such files are not read. */
function checkRegular(stats: Stats, path: string): void {
  checkKind(stats, path);
  if (stats.nlink > 1) throw refused(path, 'it has a second name (a hard link) somewhere else');
}

function checkKind(stats: Stats, path: string): void {
  if (stats.isFile()) return;
  if (stats.isDirectory()) throw refused(path, 'it is a folder');
  if (stats.isSymbolicLink()) throw refused(path, 'it is a link, and links are not followed');
  throw refused(path, 'it is no regular file');
}

/** @throws FILE_REFUSED */
export function checkSize(
  bytes: number,
  { maxBytes, path }: { readonly maxBytes: number; readonly path: string },
): void {
  if (bytes <= maxBytes) return;
  throw refused(path, `it has ${bytes} bytes, and a file may have ${maxBytes} (files.maxBytes)`);
}
