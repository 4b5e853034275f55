import { z } from 'zod';
import { Decimal } from '../../base/money.ts';
import { Text } from '../../base/text.ts';
import { type AnyEntity, rowSchema } from '../../sdk/entity.ts';
import {
  bool,
  decimal,
  double,
  dyn,
  type FieldType,
  int,
  listOf,
  mapOf,
  money,
  never,
  nothing,
  type ObjectType,
  oneOf,
  opaque,
  string,
  unionOf,
  type ValueType,
} from './types.ts';

type JsonSchema = Readonly<Record<string, unknown>>;
type Direction = 'input' | 'output';

const known: Readonly<Record<Direction, WeakMap<object, ValueType>>> = {
  input: new WeakMap(),
  output: new WeakMap(),
};

/**
 * The type of what a zod schema takes (`input`) or gives (`output`); `dyn` where a schema says nothing that JSON can hold. A schema's
 * type is worked out once.
 */
export function typeOfSchema(schema: z.ZodType, direction: Direction): ValueType {
  const found = known[direction].get(schema);
  if (found) return found;
  const type = typeOfJsonSchema(toJsonSchema(schema, direction), direction);
  known[direction].set(schema, type);
  return type;
}

const rows = new WeakMap<AnyEntity, ValueType>();

/** The type of an entity's rows, as connectors deliver them. */
export function typeOfRow(entity: AnyEntity): ValueType {
  const found = rows.get(entity);
  if (found) return found;
  const type = typeOfSchema(rowSchema(entity), 'output');
  rows.set(entity, type);
  return type;
}

const opaqueMark = 'x-tutti-text';

function toJsonSchema(schema: z.ZodType, io: Direction): JsonSchema {
  return z.toJSONSchema(schema, {
    io,
    unrepresentable: 'any',
    override({ zodSchema, jsonSchema }) {
      if (zodSchema._zod.def.type !== 'custom') return;
      if (z.safeParse(zodSchema, new Text('')).success && !z.safeParse(zodSchema, null).success)
        jsonSchema[opaqueMark] = true;
    },
  }) as JsonSchema;
}

const decimalPattern = z.toJSONSchema(Decimal).pattern;
const depthLimit = 32;

interface Reading {
  readonly root: JsonSchema;
  readonly direction: Direction;
  /** References that are being followed: one that leads to itself is `dyn`. */
  readonly following: readonly string[];
  readonly depth: number;
}

/**
 * The type of values that a JSON Schema (2020-12) takes (`input`), or of those that it has taken (`output`): what has a default is
 * there then. `dyn` where it says nothing that types express, and past 32 levels.
 */
export function typeOfJsonSchema(root: JsonSchema, direction: Direction): ValueType {
  return read(root, { root, direction, following: [], depth: 0 });
}

function read(schema: unknown, reading: Reading): ValueType {
  if (!isRecord(schema) || reading.depth > depthLimit) return dyn;
  const within = { ...reading, depth: reading.depth + 1 };
  if (schema[opaqueMark] === true) return opaque;
  if (typeof schema.$ref === 'string') return follow(schema.$ref, within);
  if ('const' in schema) return literal([schema.const]);
  if (Array.isArray(schema.enum)) return literal(schema.enum);
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (Array.isArray(alternatives)) return unionOf(alternatives.map((each) => read(each, within)));
  if (Array.isArray(schema.allOf)) return merged(schema.allOf.map((each) => read(each, within)));
  const { type } = schema;
  if (Array.isArray(type))
    return unionOf(type.map((each) => read({ ...schema, type: each }, within)));
  return readTyped(schema, within);
}

function readTyped(schema: JsonSchema, within: Reading): ValueType {
  switch (schema.type ?? (isRecord(schema.properties) ? 'object' : undefined)) {
    case 'string':
      return schema.pattern === decimalPattern || schema.format === 'decimal' ? decimal : string;
    case 'integer':
      return int;
    case 'number':
      return double;
    case 'boolean':
      return bool;
    case 'null':
      return nothing;
    case 'array':
      return listOf(elements(schema, within));
    case 'object':
      return object(schema, within);
    default:
      return dyn;
  }
}

function elements(schema: JsonSchema, within: Reading): ValueType {
  const { prefixItems, items } = schema;
  const first = Array.isArray(prefixItems) ? prefixItems.map((each) => read(each, within)) : [];
  if (items === false) return unionOf(first);
  return first.length > 0 || items !== undefined ? unionOf([...first, read(items, within)]) : dyn;
}

function object(schema: JsonSchema, within: Reading): ValueType {
  const { additionalProperties: others, required } = schema;
  const properties = isRecord(schema.properties) ? Object.entries(schema.properties) : [];
  if (properties.length === 0 && others !== false) {
    if (isRecord(others) && Object.keys(others).length > 0) return mapOf(read(others, within));
    if (others !== undefined || !isRecord(schema.properties)) return mapOf(dyn);
  }
  const needed = new Set(Array.isArray(required) ? required : []);
  const fields = properties.map(([name, each]): [string, FieldType] => [
    name,
    {
      type: read(each, within),
      optional: !needed.has(name) && !(within.direction === 'output' && hasDefault(each)),
    },
  ]);
  if (isMoney(fields)) return money;
  return { kind: 'object', fields: Object.fromEntries(fields), others: othersOf(others) };
}

function othersOf(additional: unknown): ObjectType['others'] {
  if (additional === false) return 'strict';
  return additional === undefined ? 'closed' : 'open';
}

function hasDefault(schema: unknown): boolean {
  return isRecord(schema) && 'default' in schema;
}

function isMoney(fields: readonly (readonly [string, FieldType])[]): boolean {
  if (fields.length !== 2) return false;
  const { amount, currency } = Object.fromEntries(fields);
  return amount?.type.kind === 'decimal' && currency?.type.kind === 'string';
}

function follow(ref: string, within: Reading): ValueType {
  if (within.following.includes(ref) || !ref.startsWith('#')) return dyn;
  let at: unknown = within.root;
  for (const part of ref.slice(1).split('/').filter(Boolean)) {
    const name = decodeURIComponent(part).replaceAll('~1', '/').replaceAll('~0', '~');
    at = isRecord(at) && Object.hasOwn(at, name) ? at[name] : undefined;
  }
  return read(at, { ...within, following: [...within.following, ref] });
}

function literal(values: readonly unknown[]): ValueType {
  return unionOf(
    values.map((value): ValueType => {
      if (value === null) return nothing;
      if (typeof value === 'string') return oneOf(value);
      if (typeof value === 'boolean') return { kind: 'bool', value };
      if (typeof value === 'number') return Number.isSafeInteger(value) ? int : double;
      return dyn;
    }),
  );
}

/** What is all of the types at once, where all are objects. */
function merged(types: readonly ValueType[]): ValueType {
  const objects = types.filter((type) => type.kind === 'object');
  if (objects.length !== types.length || objects.length === 0)
    return types.length > 0 ? dyn : never;
  const fields = Object.assign({}, ...objects.map((type) => type.fields)) as ObjectType['fields'];
  const others = objects.some((type) => type.others === 'open') ? 'open' : 'closed';
  return { kind: 'object', fields, others };
}

function isRecord(value: unknown): value is JsonSchema {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
