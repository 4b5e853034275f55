import { z } from 'zod';
import { Decimal, Money } from '../base/money.ts';
import { Text } from '../base/text.ts';

/**
 * The canonical record types, by name. A module adds its own by declaration merging, beside `defineEntity`:
 * `declare module 'tutti' { interface Entities { bill: typeof bill } }`.
 */
// biome-ignore lint/suspicious/noEmptyInterface: modules fill it by declaration merging
export interface Entities {}

export type EntityName = keyof Entities & string;

/** The id of a record: an opaque string; ids of two entities do not mix. */
export type Id<E extends EntityName = EntityName> = string & { readonly __entity?: E };

/** Zod schema of a record's id, typed by its entity: `z.object({ bill: Id('bill') })`. */
export function Id<E extends EntityName>(entity: E): z.ZodType<Id<E>, Id<E>> {
  return z
    .string()
    .min(1)
    .max(200)
    .meta({ description: `id of a ${entity}`, entity }) as unknown as z.ZodType<Id<E>, Id<E>>;
}

/** A field with one value. Kinds are wire types: money is decimal text and currency, dates are ISO strings. */
export type ScalarField =
  | {
      readonly kind:
        | 'code'
        | 'text'
        | 'decimal'
        | 'integer'
        | 'money'
        | 'date'
        | 'instant'
        | 'flag';
      readonly nullable: boolean;
    }
  | { readonly kind: 'oneOf'; readonly values: readonly string[]; readonly nullable: boolean }
  | { readonly kind: 'ref'; readonly entity: string; readonly nullable: boolean };

/** Rows that live and change with their header. */
export interface LinesField {
  readonly kind: 'lines';
  readonly fields: Readonly<Record<string, Field>>;
  readonly nullable: false;
}

/** One field of an entity. */
export type Field = ScalarField | LinesField;

type Of<F extends Field, V> = F & { readonly __value?: V };

/** Builds the fields of an entity. `optional(f)` allows null. */
export const field = {
  /** A number, name or key that machines assign or check: trusted, unlike `text`. */
  code: (): Of<Field, string> => ({ kind: 'code', nullable: false }),
  /** Free text that somebody outside may have written: arrives as an opaque `Text`. */
  text: (): Of<Field, Text> => ({ kind: 'text', nullable: false }),
  decimal: (): Of<Field, string> => ({ kind: 'decimal', nullable: false }),
  integer: (): Of<Field, number> => ({ kind: 'integer', nullable: false }),
  money: (): Of<Field, Money> => ({ kind: 'money', nullable: false }),
  /** A calendar day, `YYYY-MM-DD`. */
  date: (): Of<Field, string> => ({ kind: 'date', nullable: false }),
  /** A moment, RFC 3339 in UTC, for example `2026-06-30T21:15:00.000Z`. */
  instant: (): Of<Field, string> => ({ kind: 'instant', nullable: false }),
  flag: (): Of<Field, boolean> => ({ kind: 'flag', nullable: false }),
  oneOf: <const V extends readonly string[]>(...values: V): Of<Field, V[number]> => ({
    kind: 'oneOf',
    values,
    nullable: false,
  }),
  /** The id of another record. The name is checked when modules load. */
  ref: <E extends string>(entity: E): Of<Field, Id<E & EntityName>> => ({
    kind: 'ref',
    entity,
    nullable: false,
  }),
  /** Rows that live and change with their header. */
  lines: <F extends Fields>(fields: F): Of<Field, readonly Values<F>[]> => ({
    kind: 'lines',
    fields,
    nullable: false,
  }),
  optional: <V>(inner: Of<Field, V>): Of<Field, V | null> =>
    ({ ...inner, nullable: true }) as Of<Field, V | null>,
};

type Fields = Readonly<Record<string, Of<Field, unknown>>>;
type Values<F extends Fields> = {
  readonly [K in keyof F]: F[K] extends { readonly __value?: infer V } ? V : never;
};

/** A business operation of an entity. `apply` is what the embedded ERP does; a real ERP has its own. */
export interface Action<R = never, D = unknown> {
  readonly data: z.ZodType<D>;
  /** Returns the fields that change, or why the record's state does not allow it. Pure. */
  readonly apply: (
    row: R,
    data: D,
  ) => Partial<Omit<R, 'id' | 'version'>> | { readonly refuse: string };
}

/** A canonical record type: fields, and the named actions by which its state changes. */
export interface Entity<
  F extends Fields = Fields,
  A extends Readonly<Record<string, z.ZodType>> = Readonly<Record<string, z.ZodType>>,
> {
  readonly kind: 'entity';
  readonly name: string;
  readonly fields: F;
  readonly actions: { readonly [K in keyof A]: Action<never, z.infer<A[K]>> };
  /** How old what an agent reads of it may be, seconds. @default 0: each read asks the ERP */
  readonly mayBeOldSeconds?: number;
  /** The actions' schemas, for types only. */
  readonly __actions?: A;
}

/** Any entity, types erased. */
// biome-ignore lint/suspicious/noExplicitAny: actions are contravariant in their row; the registry checks them when a module loads
export type AnyEntity = Entity<any, any>;

/** A record as connectors return it: its fields, its id and the version to `expect` in a write. */
export type Row<E extends EntityName> = Entities[E] extends {
  readonly fields: infer F extends Fields;
}
  ? { readonly id: Id<E>; readonly version: string } & Values<F>
  : never;

/** The data that an action of an entity takes. */
export type ActionData<E extends EntityName, A extends ActionName<E>> = Entities[E] extends {
  readonly __actions?: infer Actions;
}
  ? A extends keyof Actions
    ? z.input<Actions[A]>
    : never
  : never;
export type ActionName<E extends EntityName> = Entities[E] extends {
  readonly __actions?: infer Actions;
}
  ? keyof Actions & string
  : never;

/** A record type whose actions, and whose reads, may still be declared. */
export interface EntityDeclaration<F extends Fields> extends Entity<F, Record<never, never>> {
  /** Declares its actions. */
  withActions<A extends Readonly<Record<string, z.ZodType>>>(
    actions: {
      readonly [K in keyof A]: {
        readonly data: A[K];
        readonly apply: Action<
          { readonly id: string; readonly version: string } & Values<F>,
          z.infer<A[K]>
        >['apply'];
      };
    },
  ): Entity<F, A>;
  /**
   * Says that what an agent reads of it may be that many seconds old, 3,600 at most: for what changes rarely, and never as a consequence
   * of a write to something else. Tools that only read then ask the ERP the same question once in that time and run.
   */
  mayBeOld(seconds: number): EntityDeclaration<F>;
}

/**
 * Declares a canonical record type. Actions are declared in a second step so that their rules see the record's type:
 * `defineEntity('bill', { … }).withActions({ hold: { data, apply } })`.
 */
export function defineEntity<const F extends Fields>(
  name: string,
  fields: F,
): EntityDeclaration<F> {
  return declarationOf({ kind: 'entity', name, fields, actions: {} });
}

function declarationOf<F extends Fields>(
  entity: Entity<F, Record<never, never>>,
): EntityDeclaration<F> {
  return {
    ...entity,
    withActions: (actions: unknown) => ({ ...entity, actions }) as never,
    mayBeOld: (mayBeOldSeconds) => declarationOf({ ...entity, mayBeOldSeconds }),
  };
}

/** A condition on one field. */
export interface Condition<V> {
  readonly eq?: V;
  readonly ne?: V;
  readonly lt?: V;
  readonly lte?: V;
  readonly gt?: V;
  readonly gte?: V;
  readonly in?: readonly V[];
}

type Comparable<V> = V extends string | number | boolean | null ? V : never;

/** Conditions on declared scalar fields, all of which must hold; a bare value means equality. */
export type Filter<R> = {
  readonly [K in keyof R as Comparable<R[K]> extends never ? never : K]?:
    | Comparable<R[K]>
    | Condition<Comparable<R[K]>>;
};

/** How a list is ordered and cut. Ties are broken by id, so pages are stable. */
export interface ListOptions<R> {
  readonly order?: readonly { readonly field: keyof R & string; readonly descending?: boolean }[];
  /** @default 10000, and an error when more rows match: silence would give wrong answers */
  readonly limit?: number;
}

/** The zod schema of a whole record, for the result of a tool that returns it: `result: rowSchema(bill)`. */
export function rowSchema<F extends Fields, A extends Readonly<Record<string, z.ZodType>>>(
  entity: Entity<F, A>,
): z.ZodType<{ readonly id: string; readonly version: string } & Values<F>> {
  return z.object({ id: z.string(), version: z.string(), ...fieldSchemas(entity.fields) }) as never;
}

function fieldSchemas(fields: Fields): Record<string, z.ZodType> {
  return Object.fromEntries(
    Object.entries(fields).map(([name, each]) => [name, fieldSchema(each)]),
  );
}

/** The zod schema of one field, as connectors deliver it. */
export function fieldSchema(of: Field): z.ZodType {
  const schema: z.ZodType =
    of.kind === 'lines' ? z.array(z.object(fieldSchemas(of.fields))) : scalarSchema(of);
  return of.nullable ? schema.nullable() : schema;
}

function scalarSchema(of: ScalarField): z.ZodType {
  switch (of.kind) {
    case 'code':
    case 'ref':
      return z.string();
    case 'text':
      return z.instanceof(Text);
    case 'decimal':
      return Decimal;
    case 'integer':
      return z.int();
    case 'money':
      return Money;
    case 'date':
      return z.iso.date();
    case 'instant':
      return z.iso.datetime();
    case 'flag':
      return z.boolean();
    case 'oneOf':
      return z.enum(of.values as readonly [string, ...string[]]);
  }
}
