import { createHash } from 'node:crypto';
import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';

/*
 * How a backup file begins: one line that says what it is, then the header as JSON, both readable with `head`.
 *
 *   TUTTI-BACKUP 1 <length of the header in bytes> <its SHA-256>\n
 *   { … }\n
 *   frames (see frame.ts)
 */

const formatVersion = 1;
/** The first line is short; a file without a line end there is none of ours. */
export const longestFirstLine = 128;
/** Some 100 kB for a hundred tables; what claims more is not believed. */
const largestHeader = 64 * 2 ** 20;

// Names become quoted identifiers and types go into CREATE TABLE as they are, so neither may be anything else.
const identifier = z.string().regex(/^[^"\0]{1,63}$/);
const type = z.string().regex(/^[a-z][a-z0-9 ]*(\(\d+(,\d+)?\))?[a-z ]*(\[\])?( COLLATE "C")?$/);

const table = z.object({
  schema: z.enum(['tutti', 'erp']),
  name: identifier,
  columns: z.array(z.object({ name: identifier, type })).readonly(),
});

const header = z.object({
  /** The release of Tutti that wrote the file. */
  release: z.string(),
  schemaVersion: z.int().positive(),
  /** PostgreSQL's version. */
  server: z.string(),
  createdAt: z.iso.datetime(),
  /** Names of the months that have partitions, like 'y2026m11'. */
  months: z.array(z.string().regex(/^y\d{4}m(0[1-9]|1[0-2])$/)).readonly(),
  /** The entities of the embedded ERP; null when it was never prepared. */
  entities: z
    .array(
      z.object({
        name: identifier,
        shape: z.record(identifier, z.object({ type, nullable: z.boolean() })),
        indexed: z.array(identifier).readonly(),
      }),
    )
    .readonly()
    .nullable(),
  sequences: z
    .array(
      z.object({ schema: table.shape.schema, name: identifier, value: z.string().regex(/^\d+$/) }),
    )
    .readonly(),
  /** In the order of the file: referred before referring. */
  tables: z.array(table).readonly(),
});

/** What a backup file says about itself. */
export type Header = Readonly<z.infer<typeof header>>;
/** A table in a backup, with the columns that it holds. */
export type SavedTable = Readonly<z.infer<typeof table>>;

/** A table's name for people: 'tutti.run'. */
export function nameOf(table: Pick<SavedTable, 'schema' | 'name'>): string {
  return `${table.schema}.${table.name}`;
}

/** The beginning of a file. */
export function encodeHeader(value: Header): Buffer {
  const json = Buffer.from(JSON.stringify(value));
  return Buffer.concat([
    Buffer.from(`TUTTI-BACKUP ${formatVersion} ${json.length} ${sha256(json)}\n`),
    json,
    Buffer.from('\n'),
  ]);
}

/** What the first line announces. @throws BACKUP_INVALID */
export function readFirstLine(bytes: Buffer): {
  readonly lineBytes: number;
  readonly headerBytes: number;
  readonly sha256: string;
} {
  const line = bytes.toString('latin1', 0, bytes.indexOf('\n'));
  const [, format, size, sum = ''] =
    /^TUTTI-BACKUP (\d{1,9}) (\d{1,9}) ([0-9a-f]{64})$/.exec(line) ?? [];
  if (format === undefined) throw invalid('it does not begin as a backup of Tutti does');
  if (Number(format) !== formatVersion) {
    throw invalid(
      `its format is ${format} and this Tutti reads ${formatVersion}: restore with the release that wrote it`,
    );
  }
  if (Number(size) > largestHeader) throw invalid('its first line was changed');
  return { lineBytes: line.length + 1, headerBytes: Number(size), sha256: sum };
}

/** Reads the JSON and its line end, as the first line announced it. @throws BACKUP_INVALID */
export function decodeHeader(bytes: Buffer, expectedSha256: string): Header {
  const json = bytes.subarray(0, -1);
  if (bytes.at(-1) !== 0x0a || sha256(json) !== expectedSha256)
    throw invalid('its header was changed or cut off');
  const parsed = header.safeParse(JSON.parse(json.toString()));
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  throw invalid(`its header is not one that Tutti writes (${issue?.path.join('.')})`);
}

function sha256(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

/** The refusal of a file that is not what was written. */
export function invalid(what: string): EngineError {
  return new EngineError(
    'BACKUP_INVALID',
    `This backup cannot be restored: ${what}. Nothing was restored; take another backup file.`,
  );
}
