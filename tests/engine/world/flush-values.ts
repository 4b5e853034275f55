import { flushSql, type Part, parts, typesOf } from '../../../core/engine/run/flush.ts';

/** One row of a part, as the statement would see it: columns by name. */
export type Row = Readonly<Record<string, unknown>>;

/** What a flush asks for. */
export interface FlushValues {
  readonly boot: string;
  /** The number of the engine's last flush, and of this one. */
  readonly lastNo: number;
  readonly no: number;
  readonly rows: Readonly<Record<Part, readonly Row[]>>;
  /** The bodies of all payloads, end to end. */
  readonly bodies: Buffer;
}

interface Columns {
  readonly part: Part;
  /** Index of the first column in the parameters. */
  readonly first: number;
  readonly names: readonly string[];
  readonly types: readonly string[];
}

// The statement itself says which parameter is which column: `unnest($2::int[], …) AS d(tenant_id, …)`.
const named = new Map<number, readonly string[]>();
for (const [, first, names] of flushSql.matchAll(/unnest\(\$(\d+)::[^)]*\) AS d\(([^)]*)\)/g))
  named.set(Number(first), (names as string).split(', '));
const layout: readonly Columns[] = [...named]
  .sort(([a], [b]) => a - b)
  .map(([first, names], index) => {
    const part = parts[index] as Part;
    return { part, first: first - 1, names, types: typesOf(part) };
  });

/** Reads a flush's parameters back into rows. */
export function flushValues(values: readonly unknown[]): FlushValues {
  const rows = Object.fromEntries(layout.map((each) => [each.part, rowsOf(each, values)]));
  const last = layout.at(-1) as Columns;
  return {
    boot: values[0] as string,
    lastNo: Number(values[1]),
    no: Number(values[2]),
    rows: rows as FlushValues['rows'],
    bodies: values[last.first + last.names.length] as Buffer,
  };
}

function rowsOf({ first, names, types }: Columns, values: readonly unknown[]): readonly Row[] {
  const rows: Record<string, unknown>[] = [];
  names.forEach((name, at) => {
    arrayOf(values[first + at] as Buffer, types[at] as string).forEach((cell, row) => {
      rows[row] ??= {};
      (rows[row] as Record<string, unknown>)[name] = cell;
    });
  });
  return rows;
}

/** A binary array's values, by the rules of PostgreSQL. */
function arrayOf(array: Buffer, type: string): readonly unknown[] {
  if (array.readInt32BE(0) === 0) return [];
  const cells: unknown[] = [];
  for (let at = 20, left = array.readInt32BE(12); left > 0; left -= 1) {
    const size = array.readInt32BE(at);
    const end = at + 4 + Math.max(size, 0);
    cells.push(size < 0 ? null : cellOf(array, { at: at + 4, end, type }));
    at = end;
  }
  return cells;
}

interface Cell {
  readonly at: number;
  readonly end: number;
  readonly type: string;
}

function cellOf(array: Buffer, { at, end, type }: Cell): unknown {
  switch (type) {
    case 'smallint':
      return array.readInt16BE(at);
    case 'int':
      return array.readInt32BE(at);
    case 'bigint':
      return Number(array.readBigInt64BE(at));
    case 'boolean':
      return array[at] === 1;
    case 'jsonb':
      return JSON.parse(array.toString('utf8', at + 1, end)) as unknown;
    case 'bytea':
      return array.toString('hex', at, end);
    case 'uuid':
      return uuidOf(array.toString('hex', at, end));
    case 'timestamptz':
      return Number(array.readBigInt64BE(at)) / 1_000 + Date.UTC(2000, 0);
    case 'date':
      return new Date(array.readInt32BE(at) * 86_400_000 + Date.UTC(2000, 0))
        .toISOString()
        .slice(0, 10);
    default:
      return array.toString('utf8', at, end);
  }
}

function uuidOf(hex: string): string {
  const ends = [8, 12, 16, 20, 32];
  return ends.map((end, index) => hex.slice(ends[index - 1] ?? 0, end)).join('-');
}
