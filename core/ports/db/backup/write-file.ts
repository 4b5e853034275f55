import { createHash, type Hash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { type FileHandle, open, rename, unlink } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EngineError, isEngineError } from '../../../base/errors.ts';
import { newId } from '../../../base/ids.ts';
import { encodeFrame, frameKinds, frameTextBytes, type TableEnd } from './frame.ts';
import { encodeHeader, type Header, nameOf, type SavedTable } from './header.ts';

/** Where a backup goes. */
export interface Destination {
  readonly path: string;
  /** Whether a file that is there is replaced. */
  readonly isForced: boolean;
}

/**
 * Writes a backup beside its place and puts it there when it is whole and on the disk; until then nothing is at `path`, or
 * what was there before. Only its owner may read it: it holds personal data.
 */
export class BackupWriter {
  readonly #to: Destination;
  readonly #partial: string;
  readonly #file: FileHandle;
  readonly #sum: Hash = createHash('sha256');
  /** The frame that is being compressed and written while the next one is read: no more than one. */
  #writing: Promise<void> = Promise.resolve();
  #sizeBytes = 0;
  #rows = 0;

  private constructor(to: Destination, partial: string, file: FileHandle) {
    this.#to = to;
    this.#partial = partial;
    this.#file = file;
  }

  /** @throws INPUT_INVALID when there is a file already or none can be made */
  static async open(to: Destination, header: Header): Promise<BackupWriter> {
    refuseExisting(to);
    const partial = `${to.path}.${newId()}.partial`;
    const file = await open(partial, 'wx', 0o600).catch((error: unknown) => unwritable(to, error));
    const writer = new BackupWriter(to, partial, file);
    const bytes = encodeHeader(header);
    writer.#sum.update(bytes);
    await writer.#write(bytes).catch(async (error: unknown) => {
      await writer.discard();
      throw error;
    });
    return writer;
  }

  /** Writes the COPY text of the next table; `countRows` is asked after its end. */
  async table(
    table: SavedTable,
    text: AsyncIterable<Buffer>,
    countRows: () => Promise<number>,
  ): Promise<void> {
    const sum = createHash('sha256');
    let bytes = 0;
    for await (const part of inFrames(text)) {
      sum.update(part);
      bytes += part.length;
      await this.#frame(frameKinds.rows, part);
    }
    const rows = await countRows();
    const end: TableEnd = { table: nameOf(table), rows, bytes, sha256: sum.digest('hex') };
    const json = Buffer.from(JSON.stringify(end));
    this.#sum.update(json);
    this.#rows += rows;
    await this.#frame(frameKinds.tableEnd, json);
  }

  /** Ends the file: from then on it is whole and on the disk, and not yet in its place. */
  async end(): Promise<{ readonly sizeBytes: number; readonly rows: number }> {
    const end = { rows: this.#rows, sha256: this.#sum.digest('hex') };
    await this.#frame(frameKinds.fileEnd, Buffer.from(JSON.stringify(end)));
    await this.#writing;
    try {
      await this.#file.sync();
      await this.#file.close();
    } catch (error) {
      unwritable(this.#to, error);
    }
    return { sizeBytes: this.#sizeBytes, rows: this.#rows };
  }

  /** Puts a file that has ended into its place. @throws INPUT_INVALID when there is one by now */
  async place(): Promise<void> {
    try {
      refuseExisting(this.#to);
      await rename(this.#partial, this.#to.path);
      await syncFolder(dirname(this.#to.path));
    } catch (error) {
      unwritable(this.#to, error);
    }
  }

  /** Leaves nothing behind of a file that is not in its place. */
  async discard(): Promise<void> {
    await this.#writing.catch(() => {});
    await this.#file.close().catch(() => {});
    await unlink(this.#partial).catch(() => {});
  }

  async #frame(kind: number, text: Buffer): Promise<void> {
    await this.#writing;
    this.#writing = encodeFrame(kind, text).then((frame) => this.#write(frame));
    // Whoever awaits it next gets the failure.
    this.#writing.catch(() => {});
  }

  async #write(bytes: Buffer): Promise<void> {
    this.#sizeBytes += bytes.length;
    await this.#file.writeFile(bytes).catch((error: unknown) => unwritable(this.#to, error));
  }
}

/** The same bytes in parts of exactly one frame's size, and the rest. */
async function* inFrames(text: AsyncIterable<Buffer>): AsyncIterable<Buffer> {
  let frame = Buffer.allocUnsafe(frameTextBytes);
  let filled = 0;
  for await (const chunk of text) {
    for (let from = 0; from < chunk.length; ) {
      const copied = chunk.copy(frame, filled, from);
      filled += copied;
      from += copied;
      if (filled < frame.length) continue;
      yield frame;
      frame = Buffer.allocUnsafe(frameTextBytes);
      filled = 0;
    }
  }
  if (filled > 0) yield frame.subarray(0, filled);
}

function refuseExisting({ path, isForced }: Destination): void {
  if (isForced || !existsSync(path)) return;
  const message = `There is a file at '${path}' already; name another, or replace it with --force.`;
  throw new EngineError('INPUT_INVALID', message);
}

function unwritable({ path }: Destination, error: unknown): never {
  if (isEngineError(error)) throw error;
  const { code = String(error) } = error as NodeJS.ErrnoException;
  const message = `The backup '${path}' cannot be written (${code}); nothing was left there. Free space or name another place.`;
  throw new EngineError(code === 'ENOSPC' ? 'DB_FULL' : 'INPUT_INVALID', message, { cause: error });
}

/** A rename is safe from a loss of power only when its folder is on the disk. Windows has no such call for folders. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return;
  const folder = await open(path, 'r');
  await folder.sync().finally(() => folder.close());
}
