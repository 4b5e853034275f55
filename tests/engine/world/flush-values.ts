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
  const length = values[first] === '{}' ? 0 : null;
  if (length === 0) return [];
  const cells = names.map((_, at) => arrayOf(String(values[first + at]), types[at] as string));
  return (cells[0] as unknown[]).map((_, row) =>
    Object.fromEntries(names.map((name, at) => [name, cells[at]?.[row]])),
  );
}

/** An array literal's values, by the rules of PostgreSQL's text form. */
function arrayOf(literal: string, type: string): readonly unknown[] {
  const found: unknown[] = [];
  for (const [, quoted, plain] of literal.matchAll(/"((?:[^"\\]|\\.)*)"|([^{},"]+)/g)) {
    if (plain === 'NULL') found.push(null);
    else found.push(cellOf(plain ?? (quoted as string).replace(/\\(.)/gs, '$1'), type));
  }
  return found;
}

function cellOf(text: string, type: string): unknown {
  switch (type) {
    case 'int':
    case 'smallint':
    case 'bigint':
      return Number(text);
    case 'boolean':
      return text === 'true';
    case 'jsonb':
      return JSON.parse(text) as unknown;
    case 'bytea':
      return text.replace('\\x', '');
    case 'timestamptz':
      return Date.parse(text);
    default:
      return text;
  }
}
