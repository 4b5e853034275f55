import { EngineError } from 'tutti';

/** One record of data. */
export type Row = Record<string, string | number | boolean | null>;

/** What a field of rows holds. */
export interface Column {
  readonly field: string;
  /** Whether each value that is there is a number, or a decimal in text. */
  readonly isNumber: boolean;
  /** Rows in which it is null, empty or not there. */
  readonly missing: number;
}

const decimal = /^-?\d+(\.\d+)?$/;

/** The fields of rows, in the order in which they first come. */
export function describeColumns(rows: readonly Row[]): readonly Column[] {
  const fields = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  return fields.map((field) => {
    const values = rows
      .map((row) => row[field] ?? null)
      .filter((value) => value !== null && value !== '');
    const isNumber = values.length > 0 && values.every(isNumeric);
    return { field, isNumber, missing: rows.length - values.length };
  });
}

function isNumeric(value: unknown): boolean {
  return typeof value === 'number' || (typeof value === 'string' && decimal.test(value));
}

/** A list of flat records; deeper parts of a record are left out. @throws INPUT_INVALID for anything else */
export function toRows(value: unknown, source: string): Row[] {
  if (!Array.isArray(value) || value.some((each) => !(each instanceof Object)))
    throw new EngineError('INPUT_INVALID', `'${source}' holds no list of records.`);
  return value.map((each: object) =>
    Object.fromEntries(
      Object.entries(each).filter(([, cell]) => cell === null || !(cell instanceof Object)),
    ),
  );
}

/** Figures of one group as a reader takes them. */
export function figuresOf({
  group,
  fields,
}: {
  readonly group: Readonly<Record<string, unknown>>;
  readonly fields: readonly {
    readonly field: string;
    readonly count: number;
    readonly sum: string;
    readonly mean: string | null;
    readonly median: string | null;
    readonly min: string | null;
    readonly max: string | null;
  }[];
}): { readonly name: string; readonly value: string; readonly basis: string }[] {
  const of = Object.entries(group).map(([field, value]) => `${field} = ${String(value)}`);
  const where = of.length > 0 ? `, ${of.join(', ')}` : '';
  return fields.flatMap(({ field, count, ...figures }) =>
    (['sum', 'mean', 'median', 'min', 'max'] as const).flatMap((name) => {
      const value = figures[name];
      const basis = `${name} of '${field}' over ${count} values${where}`;
      return value === null ? [] : [{ name: `${name} of ${field}${where}`, value, basis }];
    }),
  );
}
