import { createHash } from 'node:crypto';
import type { CheckedCondition, CheckedQuery, Scalar } from '../conditions.ts';
import { comparedColumn, sqlType, type Table } from './table.ts';

/** A statement with its values; `name` lets a connection keep its plan. */
export interface Statement {
  readonly name: string;
  readonly text: string;
  readonly values: readonly unknown[];
}

/**
 * The statement of a checked query; it asks for one row more than the page holds, to know whether there is a next one.
 * The limit is part of the text: as a parameter PostgreSQL takes it for a tenth of the rows, and then its plan for any
 * value reads the whole tenant in the order of ids (2,400 products for a group's 40) instead of the field's index.
 */
export function selectStatement(table: Table, query: CheckedQuery, tenantId: number): Statement {
  const values: unknown[] = [tenantId];
  const place = (value: unknown): string => `$${values.push(value)}`;
  const conditions = query.conditions.map((condition) => conditionSql(condition, place));
  if (query.after) conditions.push(afterSql(query, query.after, place));
  const order = query.order
    // PostgreSQL sorts null as the greatest value, too.
    .map((each) => `${comparedColumn(each.field)} ${each.descending ? 'DESC' : 'ASC'}`)
    .join(', ');
  const where = ['tenant_id = $1', ...conditions].join(' AND ');
  const text = `SELECT ${table.selection} FROM ${table.name} WHERE ${where} ORDER BY ${order} LIMIT ${query.limit + 1}`;
  return { name: statementName(text), text, values };
}

/** Equal texts get equal names. Filters come from code, so their shapes, and the plans a connection keeps, are few. */
export function statementName(text: string): string {
  return `erp_${createHash('sha1').update(text).digest('base64url')}`;
}

type Place = (value: unknown) => string;

const operators = { eq: '=', ne: '<>', lt: '<', lte: '<=', gt: '>', gte: '>=' } as const;

function conditionSql({ field, kind, comparison, value }: CheckedCondition, place: Place): string {
  const column = comparedColumn(field);
  const type = sqlType(kind);
  if (comparison === 'in') {
    const wanted = value as readonly (Scalar | null)[];
    const present = wanted.filter((each) => each !== null);
    const among = `${column} = ANY (${place(present)}::${type}[])`;
    return present.length === wanted.length ? among : `(${among} OR ${column} IS NULL)`;
  }
  if (value === null) return `${column} IS ${comparison === 'eq' ? '' : 'NOT '}NULL`;
  const compared = `${column} ${operators[comparison]} ${place(value)}::${type}`;
  return comparison === 'ne' ? `(${compared} OR ${column} IS NULL)` : compared;
}

/** Rows behind the last one of the page before: equal in the first fields of the order, and behind it in the next. */
function afterSql(query: CheckedQuery, after: readonly (Scalar | null)[], place: Place): string {
  const equal: string[] = [];
  const ways: string[] = [];
  for (const [index, { field, kind, descending }] of query.order.entries()) {
    const column = comparedColumn(field);
    const value = after[index] ?? null;
    const operand = value === null ? 'NULL' : `${place(value)}::${sqlType(kind)}`;
    ways.push(`(${[...equal, behindSql({ column, operand, descending })].join(' AND ')})`);
    equal.push(value === null ? `${column} IS NULL` : `${column} = ${operand}`);
  }
  return `(${ways.join(' OR ')})`;
}

function behindSql(at: {
  readonly column: string;
  readonly operand: string;
  readonly descending: boolean;
}): string {
  const { column, operand, descending } = at;
  if (operand === 'NULL') return descending ? `${column} IS NOT NULL` : 'false';
  return descending ? `${column} < ${operand}` : `(${column} > ${operand} OR ${column} IS NULL)`;
}
