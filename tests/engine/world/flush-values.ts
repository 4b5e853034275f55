import { flushSql, type Part, parts, typesOf } from '../../../core/engine/journal/flush.ts';

/** One row of a part, as the statement would see it: columns by name. */
export type Row = Readonly<Record<string, unknown>>;

/** What a flush asks for. */
export interface FlushValues {
  readonly boot: string;
  /** The number of the engine's last flush, and of this one. */
  readonly lastNo: number;
  readonly no: number;
  readonly rows: Readonly<Record<Part, readonly Row[]>>;
  /** The body of each payload. */
  readonly bodies: readonly string[];
}

interface Columns {
  readonly part: Part;
  /** Index of the first column in the parameters. */
  readonly first: number;
  readonly names: readonly string[];
  readonly types: readonly string[];
}

// The statement itself says which parameter is which column: `unnest($4::int[]) AS tenant_id`.
const columns = [
  ...new Map(
    [...flushSql.matchAll(/unnest\(\$(\d+)::[^)]*\) AS (\w+)/g)].map(([, at, name]) => [
      Number(at),
      name as string,
    ]),
  ),
].sort(([a], [b]) => a - b);
const layout: readonly Columns[] = parts.map((part, index) => {
  const types = typesOf(part);
  const before = parts.slice(0, index).reduce((sum, each) => sum + typesOf(each).length, 0);
  const own = columns.slice(before, before + types.length);
  return { part, first: (own[0]?.[0] as number) - 1, names: own.map(([, name]) => name), types };
});

/** Reads a flush's parameters back into rows; nothing of them is held. */
export function flushValues(values: readonly unknown[]): FlushValues {
  const rows = Object.fromEntries(
    layout.map((each) => [each.part, rowsOf(each, values)]),
  ) as FlushValues['rows'];
  const last = layout.at(-1) as Columns;
  const bodies = values[last.first + last.names.length] as Buffer;
  return {
    boot: values[0] as string,
    lastNo: Number(values[1]),
    no: Number(values[2]),
    rows,
    bodies: rows.payloads.map(({ start, size }) => {
      const from = (start as number) - 1;
      return bodies.toString('utf8', from, from + (size as number));
    }),
  };
}

function rowsOf({ first, names, types }: Columns, values: readonly unknown[]): readonly Row[] {
  const rows: Record<string, unknown>[] = [];
  // Most parts of most flushes are empty.
  if (dimensionsOf(values[first] as Buffer) === 0) return rows;
  for (let at = 0; at < names.length; at += 1) {
    const array = values[first + at] as Buffer;
    readColumn(array, [names[at] as string, types[at] as string], rows);
  }
  return rows;
}

function dimensionsOf(array: Buffer): number {
  return array.readInt32BE(0);
}

/** Gives each row its value of a binary array, by the rules of PostgreSQL. */
function readColumn(
  array: Buffer,
  [name, type]: readonly [name: string, type: string],
  rows: Record<string, unknown>[],
): void {
  const count = array.readInt32BE(12);
  let at = 20;
  for (let index = 0; index < count; index += 1) {
    const size = array.readInt32BE(at);
    const end = at + 4 + Math.max(size, 0);
    rows[index] ??= {};
    (rows[index] as Record<string, unknown>)[name] =
      size < 0 ? null : cellOf(array, type, [at + 4, end]);
    at = end;
  }
}

function cellOf(
  array: Buffer,
  type: string,
  [at, end]: readonly [at: number, end: number],
): unknown {
  switch (type) {
    case 'smallint':
      return array.readInt16BE(at);
    case 'int':
      return array.readInt32BE(at);
    case 'bigint':
      return bigintOf(array, at);
    case 'boolean':
      return array[at] === 1;
    case 'jsonb':
      return JSON.parse(array.toString('utf8', at + 1, end)) as unknown;
    case 'bytea':
      return array.toString('hex', at, end);
    case 'uuid':
      return uuidOf(array.toString('latin1', at, end));
    case 'timestamptz':
      return bigintOf(array, at) / 1_000 + Date.UTC(2000, 0);
    case 'date':
      return new Date(array.readInt32BE(at) * 86_400_000 + Date.UTC(2000, 0))
        .toISOString()
        .slice(0, 10);
    default:
      return array.toString('utf8', at, end);
  }
}

/** None of this world is too large for a number. */
function bigintOf(array: Buffer, at: number): number {
  return array.readInt32BE(at) * 2 ** 32 + array.readUInt32BE(at + 4);
}

/** By their bytes: there are few, and they come again and again. */
const uuids = new Map<string, string>();

function uuidOf(bytes: string): string {
  const known = uuids.get(bytes);
  if (known) return known;
  const hex = Buffer.from(bytes, 'latin1').toString('hex');
  const [a, b, c, d] = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)];
  const uuid = `${a}-${b}-${c}-${d}-${hex.slice(20)}`;
  uuids.set(bytes, uuid);
  return uuid;
}
