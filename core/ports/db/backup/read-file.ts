import { createHash } from 'node:crypto';
import { type FileHandle, open } from 'node:fs/promises';
import type { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import {
  bodyBytes,
  decodeFrame,
  fileEnd,
  frameHeadBytes,
  frameKinds,
  type TableEnd,
  tableEnd,
} from './frame.ts';
import {
  decodeHeader,
  type Header,
  invalid,
  longestFirstLine,
  nameOf,
  readFirstLine,
} from './header.ts';

/** What was read of a table: its text, checked as it goes by, and then what its end says. */
export interface TableReader {
  /** @throws BACKUP_INVALID at the frame that was changed */
  readonly text: AsyncIterable<Buffer>;
  /** Known when `text` has ended. */
  readonly rows: () => number;
}

/** Reads a backup from its beginning to its end, checking every byte; holds one frame in memory. */
export class BackupReader {
  readonly header: Header;
  readonly #file: FileHandle;
  readonly #sum = createHash('sha256');
  #rows = 0;

  private constructor(file: FileHandle, header: Header) {
    this.#file = file;
    this.header = header;
  }

  /** @throws INPUT_INVALID when the file cannot be read · BACKUP_INVALID */
  static async open(path: string): Promise<BackupReader> {
    const file = await open(path, 'r').catch((error: NodeJS.ErrnoException) =>
      unreadable(path, error),
    );
    try {
      // A folder is opened like a file, and only then found to be none.
      const start = await readBytes(file, longestFirstLine, 0).catch(
        (error: NodeJS.ErrnoException) => unreadable(path, error),
      );
      const { lineBytes, headerBytes, sha256 } = readFirstLine(start);
      const bytes = await readBytes(file, headerBytes + 1, lineBytes);
      const reader = new BackupReader(file, decodeHeader(bytes, sha256));
      reader.#sum.update(start.subarray(0, lineBytes)).update(bytes);
      reader.#at = lineBytes + bytes.length;
      return reader;
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  /** Where the next frame begins. */
  #at = 0;

  /** The next table; `place` counts from 0 and rises by one. */
  table(place: number): TableReader {
    const end = { rows: 0 };
    return { text: this.#text(place, end), rows: () => end.rows };
  }

  async *#text(place: number, found: { rows: number }): AsyncGenerator<Buffer> {
    const table = this.header.tables[place];
    const where = table ? `in table ${nameOf(table)}` : 'at its end';
    const sum = createHash('sha256');
    let bytes = 0;
    for (;;) {
      const { kind, text } = await this.#frame(where);
      if (kind === frameKinds.tableEnd) {
        const end = parseEnd(tableEnd, text, where);
        const isWhole = end.bytes === bytes && end.sha256 === sum.digest('hex');
        if (!table || end.table !== nameOf(table) || !isWhole)
          throw invalid(`parts of it are missing or changed ${where}`);
        this.#close(text, end);
        found.rows = end.rows;
        return;
      }
      if (kind !== frameKinds.rows) throw invalid(`it is cut off ${where}`);
      sum.update(text);
      bytes += text.length;
      yield text;
    }
  }

  #close(text: Buffer, end: TableEnd): void {
    this.#sum.update(text);
    this.#rows += end.rows;
  }

  /** Reads the end of the file, after all tables; resolves with the rows of all. @throws BACKUP_INVALID */
  async end(): Promise<number> {
    const where = 'at its end';
    const { kind, text } = await this.#frame(where);
    const end = kind === frameKinds.fileEnd ? parseEnd(fileEnd, text, where) : null;
    const isWhole = end?.rows === this.#rows && end.sha256 === this.#sum.digest('hex');
    const [surplus] = await readBytes(this.#file, 1, this.#at);
    if (!isWhole || surplus !== undefined) throw invalid(`it does not end as it was written`);
    return this.#rows;
  }

  async close(): Promise<void> {
    await this.#file.close();
  }

  async #frame(where: string): Promise<{ readonly kind: number; readonly text: Buffer }> {
    const head = await readBytes(this.#file, frameHeadBytes, this.#at);
    if (head.length < frameHeadBytes) throw invalid(`it is cut off ${where}`);
    const size = bodyBytes(head);
    if (size === null) throw invalid(`it was changed ${where}`);
    const body = await readBytes(this.#file, size, this.#at + frameHeadBytes);
    if (body.length < size) throw invalid(`it is cut off ${where}`);
    const frame = decodeFrame(head, body);
    if (!frame) throw invalid(`it was changed ${where}`);
    this.#at += frameHeadBytes + size;
    return frame;
  }
}

/** @throws INPUT_INVALID */
function unreadable(path: string, error: NodeJS.ErrnoException): never {
  const message = `The backup '${path}' cannot be read (${error.code}); name a file that \`tutti backup\` wrote.`;
  throw new EngineError('INPUT_INVALID', message, { cause: error });
}

/**
 * Reads a whole backup without using it; resolves with its header and the rows of all tables.
 * @throws BACKUP_INVALID with what is wrong and in which table · INPUT_INVALID
 */
export async function checkBackup(
  path: string,
): Promise<{ readonly header: Header; readonly rows: number }> {
  const reader = await BackupReader.open(path);
  try {
    for (const place of reader.header.tables.keys()) {
      for await (const _ of reader.table(place).text);
    }
    return { header: reader.header, rows: await reader.end() };
  } finally {
    await reader.close();
  }
}

/** At most `size` bytes; fewer at the end of the file. */
async function readBytes(file: FileHandle, size: number, at: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafe(size);
  let filled = 0;
  while (filled < size) {
    const { bytesRead } = await file.read(bytes, filled, size - filled, at + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}

function parseEnd<T>(schema: z.ZodType<T>, text: Buffer, where: string): T {
  const parsed = schema.safeParse(JSON.parse(text.toString()));
  if (parsed.success) return parsed.data;
  throw invalid(`it was changed ${where}`);
}
