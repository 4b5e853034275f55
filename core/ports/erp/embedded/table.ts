import { EngineError } from '../../../base/errors.ts';
import { readText, Text, toStorableText } from '../../../base/text.ts';
import type { AnyEntity, Field } from '../../../sdk/entity.ts';
import type { ErpRecord } from '../connector.ts';

/** One column of an entity's table. */
export interface Column {
  readonly name: string;
  readonly type: string;
  readonly nullable: boolean;
  /** The expression that reads it as its wire type. */
  readonly read: string;
  /** Its part of a field's value, as JSON that the column's type understands. */
  readonly toColumn: (value: unknown) => unknown;
}

/** How a field is stored: one column, for money two. */
export interface StoredField {
  readonly name: string;
  readonly field: Field;
  readonly columns: readonly Column[];
  /** The field's value from what its columns read as. */
  readonly fromColumns: (values: readonly unknown[]) => unknown;
}

/** The table of an entity. All identifiers are quoted and come from the declaration, whose names are checked. */
export interface Table {
  readonly entity: AnyEntity;
  /** Quoted, with its schema. */
  readonly name: string;
  readonly fields: readonly StoredField[];
  /** What a SELECT lists: id, version, then every field's columns. */
  readonly selection: string;
}

/** Columns that every table has beside its fields. */
const ownColumns = ['tenant_id', 'id', 'version', 'change_seq', 'change_xid', 'updated_at'];
const ownTables = ['entity', 'command', 'company_sample'];

const tables = new WeakMap<AnyEntity, Table>();

/** Derives the table of an entity. @throws MODULE_INVALID for a name that PostgreSQL could not tell from another */
export function tableOf(entity: AnyEntity): Table {
  const known = tables.get(entity);
  if (known) return known;
  if (!/^[a-z][a-z0-9_]{0,50}$/.test(entity.name) || ownTables.includes(entity.name)) {
    throw new EngineError(
      'MODULE_INVALID',
      `An entity cannot be called '${entity.name}'; use lower snake case, at most 51 characters, and not ${ownTables.join(', ')}.`,
    );
  }
  const declared: Readonly<Record<string, Field>> = entity.fields;
  const fields = Object.entries(declared).map(([name, field]) => storedField(entity, name, field));
  const columns = fields.flatMap((each) => each.columns);
  const names = [...ownColumns, ...columns.map((each) => each.name)];
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice) {
    throw new EngineError(
      'MODULE_INVALID',
      `Two fields of '${entity.name}' would share the column '${twice}'; rename one of them.`,
    );
  }
  const selection = ['"id"', '"version"', ...columns.map((each) => each.read)].join(', ');
  const table = { entity, name: `erp.${quoted(entity.name)}`, fields, selection };
  tables.set(entity, table);
  return table;
}

/** A record from a row of the table's selection, read as an array. */
export function recordOf(table: Table, row: readonly unknown[]): ErpRecord {
  const record: Record<string, unknown> = { id: row[0], version: String(row[1]) };
  let place = 2;
  for (const { name, columns, fromColumns } of table.fields) {
    record[name] = fromColumns(row.slice(place, place + columns.length));
    place += columns.length;
  }
  return record as ErpRecord;
}

/** The columns of a record's fields, by name, as JSON values. */
export function columnValues(
  fields: readonly StoredField[],
  record: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, columns } of fields) {
    const value = record[name] ?? null;
    for (const column of columns)
      values[column.name] = value === null ? null : column.toColumn(value);
  }
  return values;
}

/** The column that a filter or an order compares. */
export function comparedColumn(name: string): string {
  return quoted(snakeCase(name));
}

/** An identifier in SQL; only for names that were checked. */
export function quoted(name: string): string {
  return `"${name}"`;
}

/** The SQL type in which a scalar field is stored and compared. Text sorts by code point, as in every connector of ours. */
export function sqlType(kind: Field['kind']): string {
  return types[kind];
}

const types: Readonly<Record<Field['kind'], string>> = {
  code: 'text',
  ref: 'text',
  oneOf: 'text',
  text: 'text',
  decimal: 'numeric',
  integer: 'bigint',
  money: 'numeric',
  date: 'date',
  instant: 'timestamptz',
  flag: 'boolean',
  lines: 'jsonb',
};

function storedField(entity: AnyEntity, name: string, field: Field): StoredField {
  if (!/^[a-z][A-Za-z0-9]{0,50}$/.test(name)) {
    throw new EngineError(
      'MODULE_INVALID',
      `A field cannot be called '${entity.name}.${name}'; use camelCase, at most 51 characters.`,
    );
  }
  if (field.kind === 'money') return moneyField(name, field);
  const column = columnOf(snakeCase(name), field);
  return { name, field, columns: [column], fromColumns: ([value]) => fromColumn(field, value) };
}

function moneyField(name: string, field: Field): StoredField {
  const part = (suffix: 'amount' | 'currency', type: string): Column => {
    const column = `${snakeCase(name)}_${suffix}`;
    return {
      name: column,
      type,
      nullable: field.nullable,
      read: quoted(column),
      toColumn: (value) => (value as Readonly<Record<string, unknown>>)[suffix],
    };
  };
  return {
    name,
    field,
    columns: [part('amount', 'numeric'), part('currency', 'char(3)')],
    fromColumns: ([amount, currency]) => (amount === null ? null : { amount, currency }),
  };
}

function columnOf(name: string, field: Field): Column {
  const type = sqlType(field.kind);
  return {
    name,
    type: type === 'text' ? 'text COLLATE "C"' : type,
    nullable: field.nullable,
    read: readExpression(quoted(name), field),
    toColumn: (value) => toColumn(field, value),
  };
}

/** Independent of how a connection parses dates and times. */
function readExpression(column: string, field: Field): string {
  if (field.kind === 'date') return `${column}::text`;
  if (field.kind !== 'instant') return column;
  return `to_char(${column} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}

function toColumn(field: Field, value: unknown): unknown {
  if (value instanceof Text) return toStorableText(readText(value));
  // As it is read: of what is stored finer, neither its own value nor the end of its page would find it again.
  if (field.kind === 'instant') return new Date(value as string).toISOString();
  if (field.kind !== 'lines') return value;
  return (value as readonly Readonly<Record<string, unknown>>[]).map((line) =>
    mapLine(field.fields, line, toColumn),
  );
}

function fromColumn(field: Field, value: unknown): unknown {
  if (value === null || value === undefined) return null;
  if (field.kind === 'text') return new Text(value as string);
  if (field.kind === 'integer') return Number(value);
  if (field.kind !== 'lines') return value;
  if (!hasText(field.fields)) return value;
  return (value as readonly Readonly<Record<string, unknown>>[]).map((line) =>
    mapLine(field.fields, line, fromColumn),
  );
}

function hasText(fields: Readonly<Record<string, Field>>): boolean {
  return Object.values(fields).some((field) => field.kind === 'text');
}

function mapLine(
  fields: Readonly<Record<string, Field>>,
  line: Readonly<Record<string, unknown>>,
  map: (field: Field, value: unknown) => unknown,
): Record<string, unknown> {
  const entries = Object.entries(fields).map(([name, field]) => {
    const value = line[name] ?? null;
    return [name, value === null ? null : map(field, value)] as const;
  });
  return Object.fromEntries(entries);
}

function snakeCase(name: string): string {
  return name.replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}
