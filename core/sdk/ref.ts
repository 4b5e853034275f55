import { EngineError } from '../base/errors.ts';
import type { EntityName, Filter, Row } from './entity.ts';
import type { Cel, QueryTemplate, Template } from './node.ts';

declare const value: unique symbol;

/** Stands for a value that exists only when the run is under way; becomes an expression. */
export type Ref<T> = { readonly [value]: T } & (T extends readonly unknown[]
  ? unknown
  : T extends object
    ? { readonly [K in keyof T]-?: Ref<T[K]> }
    : unknown);

/** A literal, a reference, or an object of them. */
export type Mapped<T> =
  | Ref<T>
  | (T extends readonly unknown[]
      ? T
      : T extends object
        ? { readonly [K in keyof T]: Mapped<T[K]> }
        : T);

/** What a mapping becomes: references their values. */
export type Unmapped<M> =
  M extends Ref<infer T> ? T : M extends object ? { readonly [K in keyof M]: Unmapped<M[K]> } : M;

/** A condition; made by `eq`, `all` and their kin. */
export type When = Ref<boolean>;

/** The rows of a query, as items of a foreach. */
export interface QueryRef<R> {
  readonly query: QueryTemplate;
  readonly __row?: R;
}

// A Ref is a proxy around its own expression; reading a member extends the expression.
const source = Symbol.for('tutti.ref');

/** Makes the stand-in for an expression. */
export function refTo<T>(cel: string): Ref<T> {
  return new Proxy(Object.freeze({ [source]: cel }), {
    get(target, member) {
      if (member === source) return target[source];
      if (typeof member === 'symbol') return undefined;
      if (member === 'toJSON' || member === 'then') return undefined;
      return refTo(
        /^[A-Za-z_]\w*$/.test(member)
          ? `${bracketed(cel)}.${member}`
          : `${bracketed(cel)}[${JSON.stringify(member)}]`,
      );
    },
  }) as unknown as Ref<T>;
}

/** An expression as it may stand beside an operator or before a member: in brackets where it has an operator of its own. */
function bracketed(cel: string): string {
  if (/^[\w.]*$/.test(cel)) return cel;
  let bare = cel.replace(/"(?:[^"\\]|\\.)*"|'(?:[^'\\]|\\.)*'/g, '');
  for (let before = ''; before !== bare; ) {
    before = bare;
    bare = bare.replace(/\([^()[\]{}]*\)|\[[^()[\]{}]*\]|\{[^()[\]{}]*\}/g, '');
  }
  return /^(?:\w|\.\??)*$/.test(bare) ? cel : `(${cel})`;
}

/** The expression of a reference, or undefined for a literal. */
function celOf(possible: unknown): string | undefined {
  if (possible === null || typeof possible !== 'object') return undefined;
  const cel = (possible as { readonly [source]?: unknown })[source];
  return typeof cel === 'string' ? cel : undefined;
}

/** Turns literals and references into data. @throws WORKFLOW_INVALID for what JSON cannot hold */
export function toTemplate(mapped: unknown, path: string): Template {
  const cel = celOf(mapped);
  if (cel !== undefined) return { cel };
  if (Array.isArray(mapped))
    return mapped.map((item, index) => toTemplate(item, `${path}[${index}]`));
  if (mapped === null || typeof mapped === 'boolean' || typeof mapped === 'string') return mapped;
  if (typeof mapped === 'number' && Number.isFinite(mapped)) return mapped;
  if (typeof mapped === 'object' && Object.getPrototypeOf(mapped) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(mapped).map(([key, member]) => [key, toTemplate(member, `${path}.${key}`)]),
    );
  }
  throw new EngineError(
    'WORKFLOW_INVALID',
    `${path} holds ${String(mapped)}; use literals, references and objects of them.`,
  );
}

/** An expression as text, for what has no helper: `cel<number>('items.size()')`. The workflow's check types it. */
export const cel = <T>(text: string): Ref<T> => refTo(text);

function celText(operand: unknown): string {
  return celOf(operand) ?? JSON.stringify(operand);
}

type Operand<T> = T | Ref<T>;

/** One side of an operator. */
function sideText(operand: unknown): string {
  const cel = celOf(operand);
  return cel === undefined ? JSON.stringify(operand) : bracketed(cel);
}

/** `a == b` */
export const eq = <T>(a: Ref<T>, b: Operand<NoInfer<T>>): When =>
  refTo(`${sideText(a)} == ${sideText(b)}`);
/** `a != b` */
export const ne = <T>(a: Ref<T>, b: Operand<NoInfer<T>>): When =>
  refTo(`${sideText(a)} != ${sideText(b)}`);
/** `a > b`, for numbers. Decimals are text: compare them in a tool. */
export const gt = (a: Ref<number>, b: Operand<number>): When =>
  refTo(`${sideText(a)} > ${sideText(b)}`);
/** `a < b`, for numbers. */
export const lt = (a: Ref<number>, b: Operand<number>): When =>
  refTo(`${sideText(a)} < ${sideText(b)}`);
/** Every condition holds. */
export const all = (...conditions: readonly When[]): When =>
  refTo(conditions.map((each) => `(${celText(each)})`).join(' && '));
/** At least one condition holds. */
export const any = (...conditions: readonly When[]): When =>
  refTo(conditions.map((each) => `(${celText(each)})`).join(' || '));
/** The condition does not hold. */
export const not = (condition: When): When => refTo(`!(${celText(condition)})`);

type QueryFilter<R> = { readonly [K in keyof Filter<R>]: Filter<R>[K] | Ref<unknown> };

/** Queries by entity, for the items of a foreach: `query.bill({ status: 'draft' })`. */
export const query: {
  readonly [E in EntityName]: (
    filter?: QueryFilter<Row<E>>,
    order?: keyof Row<E> & string,
  ) => QueryRef<Row<E>>;
} = new Proxy({} as never, {
  get: (_, entity: string) => (filter: unknown, order?: string) => ({
    query: {
      entity,
      filter: toTemplate(filter ?? {}, `query.${entity}`),
      order: order ? [{ field: order }] : [],
    },
  }),
});

/** Whether a foreach's items are a query. */
export function isQuery(items: unknown): items is { readonly query: QueryTemplate } {
  return (
    celOf(items) === undefined && typeof items === 'object' && items !== null && 'query' in items
  );
}

/** The expression of a reference. @throws WORKFLOW_INVALID for a literal */
export function expression(of: unknown, path: string): Cel {
  const cel = celOf(of);
  if (cel !== undefined) return { cel };
  throw new EngineError(
    'WORKFLOW_INVALID',
    `${path} must be a reference or a condition, not ${JSON.stringify(of)}.`,
  );
}
