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
  const cells = names.map((_, at) => arrayOf(values[first + at] as Buffer, types[at] as string));
  return (cells[0] as unknown[]).map((_, row) =>
    Object.fromEntries(names.map((name, at) => [name, cells[at]?.[row]])),
  );
}

/** A binary array's values, by the rules of PostgreSQL. */
function arrayOf(array: Buffer, type: string): readonly unknown[] {
  if (array.readInt32BE(0) === 0) return [];
  let at = 20;
  return Array.from({ length: array.readInt32BE(12) }, () => {
    const size = array.readInt32BE(at);
    const cell = array.subarray(at + 4, at + 4 + Math.max(size, 0));
    at += 4 + cell.length;
    return size < 0 ? null : cellOf(cell, type);
  });
}

function cellOf(cell: Buffer, type: string): unknown {
  switch (type) {
    case 'smallint':
      return cell.readInt16BE(0);
    case 'int':
      return cell.readInt32BE(0);
    case 'bigint':
      return Number(cell.readBigInt64BE(0));
    case 'boolean':
      return cell[0] === 1;
    case 'jsonb':
      return JSON.parse(cell.toString('utf8', 1)) as unknown;
    case 'bytea':
      return cell.toString('hex');
    case 'uuid':
      return cell.toString('hex').replace(/(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
    case 'timestamptz':
      return Number(cell.readBigInt64BE(0)) / 1_000 + Date.UTC(2000, 0);
    case 'date':
      return new Date(cell.readInt32BE(0) * 86_400_000 + Date.UTC(2000, 0))
        .toISOString()
        .slice(0, 10);
    default:
      return cell.toString();
  }
}
