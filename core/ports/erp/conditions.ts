import { Big } from 'big.js';
import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { type AnyEntity, type Field, fieldSchema } from '../../sdk/entity.ts';
import type { Comparison, Query } from './connector.ts';

/** What a condition compares with, in the field's wire type. */
export type Scalar = string | number | boolean;
export type ScalarKind = Exclude<Field['kind'], 'text' | 'money' | 'lines'>;

/** One condition, checked against the entity's declaration. */
export interface CheckedCondition {
  readonly field: string;
  readonly kind: ScalarKind;
  readonly comparison: Comparison;
  /** An array for `in`, else one value. */
  readonly value: Scalar | null | readonly (Scalar | null)[];
}

/** A query whose every name is declared and whose every value has its field's type. */
export interface CheckedQuery {
  readonly entity: AnyEntity;
  readonly conditions: readonly CheckedCondition[];
  /** Ends with the id, so that the order is total. Null sorts as the greatest value. */
  readonly order: readonly {
    readonly field: string;
    readonly kind: ScalarKind;
    readonly descending: boolean;
  }[];
  readonly limit: number;
  /** The values of the order's fields in the last row of the page before. */
  readonly after: readonly (Scalar | null)[] | null;
}

/**
 * Checks a query against an entity's declaration. Equality with null, and `in` with null among its values, find the
 * rows without a value; `ne` finds rows without one, too; the other comparisons never do.
 * @throws ERP_UNSUPPORTED for a field that is not declared or cannot be compared · INPUT_INVALID for a value or a cursor
 */
export function checkQuery(entity: AnyEntity, query: Query): CheckedQuery {
  if (!Number.isInteger(query.limit) || query.limit < 1) {
    throw new EngineError(
      'INPUT_INVALID',
      `A page of ${query.limit} rows of '${entity.name}' is asked for; give a whole number from 1.`,
    );
  }
  const order = (query.order ?? []).map((each) => ({
    field: each.field,
    kind: comparableKind(entity, each.field),
    descending: each.descending ?? false,
  }));
  if (!order.some((each) => each.field === 'id')) {
    order.push({ field: 'id', kind: 'code', descending: false });
  }
  return {
    entity,
    conditions: checkFilter(entity, query.filter ?? {}),
    order,
    limit: query.limit,
    after: query.cursor === undefined ? null : readCursor(query.cursor, order.length),
  };
}

/** Where a page ends: the values of the order's fields in its last row. */
export function cursorAfter(query: CheckedQuery, last: Readonly<Record<string, unknown>>): string {
  return JSON.stringify(query.order.map((each) => last[each.field] ?? null));
}

/** The fields that a filter or an order may name: all but free text, money and lines. */
export function comparableFields(entity: AnyEntity): string[] {
  const fields: Readonly<Record<string, Field>> = entity.fields;
  return ['id', ...Object.keys(fields).filter((name) => isScalar(fields[name] as Field))];
}

/** Compares two values of a kind; null is the greatest. Text by code unit, decimals and instants by what they mean. */
export function compareScalars(kind: ScalarKind, a: Scalar | null, b: Scalar | null): number {
  if (a === null || b === null) return Number(a === null) - Number(b === null);
  if (kind === 'decimal') return Big(a as string).cmp(b as string);
  const [left, right] =
    kind === 'instant' ? [Date.parse(a as string), Date.parse(b as string)] : [a, b];
  return left < right ? -1 : left > right ? 1 : 0;
}

function isScalar(field: Field): boolean {
  return field.kind !== 'text' && field.kind !== 'money' && field.kind !== 'lines';
}

function comparableKind(entity: AnyEntity, name: string): ScalarKind {
  if (name === 'id') return 'code';
  const field = declaredField(entity, name);
  if (isScalar(field)) return field.kind as ScalarKind;
  throw new EngineError(
    'ERP_UNSUPPORTED',
    `'${entity.name}.${name}' is ${field.kind} and cannot be filtered or ordered by; read the rows and compute.`,
  );
}

/** The declaration of a field. @throws ERP_UNSUPPORTED */
export function declaredField(entity: AnyEntity, name: string): Field {
  const field = Object.hasOwn(entity.fields, name) ? entity.fields[name] : undefined;
  if (field) return field;
  throw new EngineError(
    'ERP_UNSUPPORTED',
    `'${entity.name}' has no field '${name}'; it has ${['id', ...Object.keys(entity.fields)].join(', ')}.`,
  );
}

const comparisons: ReadonlySet<string> = new Set<Comparison>([
  'eq',
  'ne',
  'lt',
  'lte',
  'gt',
  'gte',
  'in',
]);

function checkFilter(
  entity: AnyEntity,
  filter: Readonly<Record<string, object>>,
): CheckedCondition[] {
  return Object.entries(filter).flatMap(([field, conditions]) => {
    const kind = comparableKind(entity, field);
    const found = Object.entries(conditions);
    // A condition that says nothing would match everything: a typing slip must not widen a search.
    if (found.length === 0) throw invalid(entity, field, 'has no condition');
    return found.map(([comparison, value]) =>
      checkCondition(entity, { field, kind, comparison: comparison as Comparison, value }),
    );
  });
}

function checkCondition(
  entity: AnyEntity,
  condition: Omit<CheckedCondition, 'value'> & { readonly value: unknown },
): CheckedCondition {
  const { field, comparison, value } = condition;
  if (!comparisons.has(comparison)) {
    throw new EngineError(
      'ERP_UNSUPPORTED',
      `The comparison '${comparison}' of '${entity.name}.${field}' is unknown; use ${[...comparisons].join(', ')}.`,
    );
  }
  if (comparison === 'in') {
    if (!Array.isArray(value)) throw invalid(entity, field, "needs a list for 'in'");
    for (const each of value) checkValue(entity, field, each);
    return asCompared(condition as CheckedCondition);
  }
  if (value === null && comparison !== 'eq' && comparison !== 'ne') {
    throw invalid(entity, field, `cannot be compared with null by '${comparison}'`);
  }
  checkValue(entity, field, value);
  return asCompared(condition as CheckedCondition);
}

/** Instants are compared to the millisecond, in which they are kept. */
function asCompared(condition: CheckedCondition): CheckedCondition {
  if (condition.kind !== 'instant') return condition;
  const whole = (value: Scalar | null): string | null =>
    value === null ? null : new Date(value as string).toISOString();
  const { value } = condition;
  return { ...condition, value: isList(value) ? value.map(whole) : whole(value) };
}

function isList(value: CheckedCondition['value']): value is readonly (Scalar | null)[] {
  return Array.isArray(value);
}

function checkValue(entity: AnyEntity, name: string, value: unknown): void {
  if (value === null) return;
  const result = comparableSchema(entity, name).safeParse(value);
  if (!result.success) {
    throw invalid(
      entity,
      name,
      `is compared with a wrong value: ${result.error.issues[0]?.message}`,
    );
  }
}

function comparableSchema(entity: AnyEntity, name: string): z.ZodType {
  const field: Field =
    name === 'id' ? { kind: 'code', nullable: false } : declaredField(entity, name);
  const known = schemas.get(field);
  if (known) return known;
  const made = fieldSchema(field);
  if (name !== 'id') schemas.set(field, made);
  return made;
}

// One schema for each declared field: building one costs more than using it.
const schemas = new WeakMap<Field, z.ZodType>();

function invalid(entity: AnyEntity, field: string, problem: string): EngineError {
  return new EngineError('INPUT_INVALID', `The filter on '${entity.name}.${field}' ${problem}.`);
}

const Cursor = z.array(z.union([z.string(), z.number(), z.boolean(), z.null()]));

function readCursor(cursor: string, length: number): readonly (Scalar | null)[] {
  try {
    const values = Cursor.parse(JSON.parse(cursor));
    if (values.length === length) return values;
  } catch {
    // Told below: what was wrong with it matters to nobody.
  }
  throw new EngineError(
    'INPUT_INVALID',
    'This cursor is not one that the same query gave; start again from its first page.',
  );
}
