/** The type of a value as data: what JSON can hold, and what expressions make of it on the way. */
export type ValueType =
  | { readonly [K in Plain]: { readonly kind: K } }[Plain]
  /** Text; with `values` one of them, as of an enum. */
  | { readonly kind: 'string'; readonly values?: readonly string[] }
  | { readonly kind: 'bool'; readonly value?: boolean }
  | { readonly kind: 'list' | 'map' | 'maybe'; readonly of: ValueType }
  | ObjectType
  | { readonly kind: 'union'; readonly of: readonly ValueType[] };

/**
 * Types without parts. `dyn` is known at run time only. A `double` takes whole numbers too. A `decimal` is decimal text in JSON and
 * compares as a number; `money` is `{ amount, currency }`. `text` is opaque: somebody outside may have written it. `never` is the
 * element of an empty list. `timestamp`, `duration`, `bytes` and `type` exist in expressions only.
 */
type Plain =
  | 'dyn'
  | 'null'
  | 'int'
  | 'double'
  | 'decimal'
  | 'money'
  | 'text'
  | 'never'
  | 'timestamp'
  | 'duration'
  | 'bytes'
  | 'type';

/** An object by its fields. */
export interface ObjectType {
  readonly kind: 'object';
  readonly fields: Readonly<Record<string, FieldType>>;
  /** What other fields there may be: any (`open`), none that is kept (`closed`), none (`strict`). */
  readonly others: 'open' | 'closed' | 'strict';
  /** Whether somebody wrote it down field by field: one that is not taken is a slip of theirs. */
  readonly isWritten?: true;
}
export interface FieldType {
  readonly type: ValueType;
  /** Whether it may be absent. */
  readonly optional: boolean;
}

const plain = <K extends Plain>(kind: K): { readonly kind: K } => Object.freeze({ kind });
export const dyn = plain('dyn');
export const nothing = plain('null');
export const int = plain('int');
export const double = plain('double');
export const decimal = plain('decimal');
export const money = plain('money');
export const opaque = plain('text');
export const never = plain('never');
export const timestamp = plain('timestamp');
export const duration = plain('duration');
export const bytes = plain('bytes');
export const typeType = plain('type');
export const bool: ValueType = Object.freeze({ kind: 'bool' });
export const string: ValueType = Object.freeze({ kind: 'string' });
export const oneOf = (...values: readonly string[]): ValueType => ({ kind: 'string', values });
export const listOf = (of: ValueType): ValueType => ({ kind: 'list', of });
export const mapOf = (of: ValueType): ValueType => ({ kind: 'map', of });
/** An optional value of CEL, as `.?` gives it. */
export const maybe = (of: ValueType): ValueType => ({ kind: 'maybe', of });

/** An object whose fields are all there. */
export function objectOf(
  fields: Readonly<Record<string, ValueType>>,
  others: ObjectType['others'] = 'closed',
): ObjectType {
  const all = Object.entries(fields).map(([name, type]) => [name, { type, optional: false }]);
  return { kind: 'object', fields: Object.fromEntries(all), others };
}

/** What may be any of the types: flat, each once. */
export function unionOf(types: readonly ValueType[]): ValueType {
  const flat = types.flatMap((type) => (type.kind === 'union' ? type.of : [type]));
  if (flat.some(({ kind }) => kind === 'dyn')) return dyn;
  const kept = new Map<string, ValueType>();
  for (const type of flat) {
    if (type.kind === 'never') continue;
    const key = JSON.stringify(type.kind === 'string' ? 'string' : type);
    const found = kept.get(key);
    kept.set(key, found && type.kind === 'string' ? eitherText(found, type) : type);
  }
  const [first = never, ...rest] = kept.values();
  return rest.length === 0 ? first : { kind: 'union', of: [first, ...rest] };
}

function eitherText(a: ValueType, b: ValueType): ValueType {
  if (a.kind !== 'string' || b.kind !== 'string' || !a.values || !b.values) return string;
  return oneOf(...new Set([...a.values, ...b.values]));
}

/** The alternatives of a type; itself when it is no union. */
export function membersOf(type: ValueType): readonly ValueType[] {
  return type.kind === 'union' ? type.of : [type];
}

/** A type without null. */
export function withoutNull(type: ValueType): ValueType {
  if (type.kind !== 'union') return type;
  return unionOf(type.of.filter(({ kind }) => kind !== 'null'));
}

/** A type as people read it. */
export function nameOf(type: ValueType): string {
  switch (type.kind) {
    case 'dyn':
      return 'anything';
    case 'string':
      return type.values ? type.values.slice(0, 5).map(quoted).join(' | ') : 'text';
    case 'text':
      return 'opaque text';
    case 'int':
      return 'a whole number';
    case 'double':
      return 'a number';
    case 'decimal':
      return 'a decimal';
    case 'money':
      return 'an amount of money';
    case 'bool':
      return type.value === undefined ? 'true or false' : String(type.value);
    case 'list':
      return type.of.kind === 'never' ? 'an empty list' : `a list of ${nameOf(type.of)}`;
    case 'map':
      return `a map of ${nameOf(type.of)}`;
    case 'maybe':
      return `an optional of ${nameOf(type.of)}`;
    case 'object':
      return `{ ${Object.keys(type.fields).slice(0, 6).join(', ')} }`;
    case 'union':
      return type.of.slice(0, 5).map(nameOf).join(' or ');
    default:
      return type.kind;
  }
}

function quoted(value: string): string {
  return JSON.stringify(value);
}

/** Why a value of one type does not do where another is wanted. */
export interface Mismatch {
  /** Within the value, for example `lines[].amount`; empty: the value itself. */
  readonly path: string;
  readonly code: 'type_mismatch' | 'missing_field' | 'unknown_field';
  readonly reason: string;
  readonly severity: 'error' | 'warning';
}

/** Why values of type `from` do not do for `to`; [] when they do. */
export function mismatches(from: ValueType, to: ValueType, path = ''): readonly Mismatch[] {
  if (from.kind === 'dyn' || to.kind === 'dyn' || from.kind === 'never') return [];
  if (from.kind === 'union') {
    const found = from.of.map((each) => mismatches(each, to, path));
    const worst = found.find((each) => each.some(({ severity }) => severity === 'error'));
    return worst ?? found.find((each) => each.length > 0) ?? [];
  }
  if (to.kind === 'union') {
    const found = to.of.map((each) => mismatches(from, each, path));
    const fit = found.find((each) => each.every(({ severity }) => severity === 'warning'));
    if (fit) return fit;
    // An object is told what it lacks of the object that is meant, not that it is none of three things.
    const alike = to.of.filter(({ kind }) => kind === from.kind);
    if (alike.length === 1) return mismatches(from, alike[0] as ValueType, path);
    return [mismatch(path, from, to)];
  }
  if (from.kind === 'object' || from.kind === 'money') return objectMismatches(from, to, path);
  if (from.kind === 'list' && to.kind === 'list') return mismatches(from.of, to.of, `${path}[]`);
  if (from.kind === 'map' && to.kind === 'map') return mismatches(from.of, to.of, `${path}.*`);
  return isScalarFit(from, to) ? [] : [mismatch(path, from, to)];
}

const amount: ObjectType = objectOf({ amount: decimal, currency: string });

function objectMismatches(
  from: ObjectType | typeof money,
  to: ValueType,
  path: string,
): readonly Mismatch[] {
  if (from.kind === to.kind && from.kind === 'money') return [];
  const fields = from.kind === 'money' ? amount : from;
  if (to.kind === 'map')
    return Object.entries(fields.fields).flatMap(([name, { type }]) =>
      mismatches(type, to.of, joined(path, name)),
    );
  const wanted = to.kind === 'money' ? amount : to;
  if (wanted.kind !== 'object') return [mismatch(path, from, to)];
  return [
    ...Object.entries(wanted.fields).flatMap(([name, field]) =>
      fieldMismatches(fields, { name, ...field }, path),
    ),
    ...unknownFields(fields, wanted, path),
  ];
}

function fieldMismatches(
  from: ObjectType,
  wanted: FieldType & { readonly name: string },
  path: string,
): readonly Mismatch[] {
  const own = Object.hasOwn(from.fields, wanted.name) ? from.fields[wanted.name] : undefined;
  const at = joined(path, wanted.name);
  if (own) {
    const found = mismatches(own.type, wanted.type, at);
    if (!own.optional || wanted.optional) return found;
    const reason = 'may be absent, and is required here';
    return [...found, { path: at, code: 'missing_field', reason, severity: 'warning' }];
  }
  if (wanted.optional || from.others === 'open') return [];
  const reason = `is missing; give ${nameOf(wanted.type)}`;
  return [{ path: at, code: 'missing_field', reason, severity: 'error' }];
}

function unknownFields(from: ObjectType, to: ObjectType, path: string): readonly Mismatch[] {
  if (to.others === 'open' || (to.others === 'closed' && !from.isWritten)) return [];
  return Object.keys(from.fields)
    .filter((name) => !Object.hasOwn(to.fields, name))
    .map((name) => ({
      path: joined(path, name),
      code: 'unknown_field',
      reason: `is not taken${hint(name, Object.keys(to.fields))}`,
      severity: to.others === 'strict' ? 'error' : 'warning',
    }));
}

function joined(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function mismatch(path: string, from: ValueType, to: ValueType): Mismatch {
  const aid =
    to.kind === 'decimal' && (from.kind === 'string' || from.kind === 'double')
      ? ', such as decimal("950.00")'
      : '';
  const reason = `is ${nameOf(from)}; it takes ${nameOf(to)}${aid}`;
  return { path, code: 'type_mismatch', reason, severity: 'error' };
}

// Decimals are text in JSON, so they do for text; text does for a decimal where it is known and is one.
function isScalarFit(from: ValueType, to: ValueType): boolean {
  switch (to.kind) {
    case 'double':
      return from.kind === 'double' || from.kind === 'int';
    case 'decimal':
      if (from.kind === 'string') return from.values?.every(isDecimal) ?? false;
      return from.kind === 'decimal' || from.kind === 'int';
    case 'string':
      if (from.kind === 'decimal') return to.values === undefined;
      if (from.kind === 'timestamp') return to.values === undefined;
      if (from.kind !== 'string') return false;
      return !to.values || (from.values?.every((each) => to.values?.includes(each)) ?? false);
    case 'bool':
      if (from.kind !== 'bool') return false;
      return to.value === undefined || to.value === from.value;
    default:
      return from.kind === to.kind;
  }
}

/** Whether text is a decimal number as Tutti writes them: no exponent, no sign but minus. */
export function isDecimal(value: string): boolean {
  return /^-?\d+(\.\d+)?$/.test(value);
}

/** `; did you mean 'x'?` where a known name is near, else the names where they are few. */
export function hint(name: string, known: readonly string[]): string {
  const near = known
    .slice(0, 200)
    .map((each) => ({ each, distance: distance(name, each) }))
    .sort((a, b) => a.distance - b.distance)[0];
  if (near && near.distance <= Math.max(1, Math.floor(name.length / 3)))
    return `; did you mean '${near.each}'?`;
  // The agents of tools are named by their tools.
  const named = known.filter((each) => !each.includes(':'));
  return named.length === 0 ? '' : `; known are ${named.slice(0, 8).join(', ')}`;
}

// Levenshtein (Soviet Physics Doklady 10, 1966), row by row; names past 64 characters are compared by their beginnings.
function distance(left: string, right: string): number {
  const [a, b] = [left.slice(0, 64), right.slice(0, 64)];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] as number) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] as number) + 1, (next[j - 1] as number) + 1));
    }
    row = next;
  }
  return row[b.length] as number;
}
