import type { ASTNode } from '@marcbachmann/cel-js';
import { Text } from '../../base/text.ts';
import { CelDecimal, CelMoney } from './decimal.ts';
import { isDecimal, membersOf, type ValueType } from './types.ts';

/** The types of what an expression sees, by the names at its top: `input`, `run`, `nodes`, `item` and so on. */
export type ScopeTypes = Readonly<Record<string, ValueType>>;

/** What an expression mentions of its scope: only that is converted. Null: all of it. */
export type Mentioned = { readonly [member: string]: Mentioned } | null;

/** How large the lists are that went into an expression. */
export interface Sizes {
  /** The longest list or map that is in no other list. */
  outer: number;
  /** The longest list or map within a list's elements. */
  inner: number;
}

/** The member paths that an expression mentions, from the top of its scope. */
export function mentionedIn(ast: ASTNode): NonNullable<Mentioned> {
  const root: Record<string, Mentioned> = {};
  visit(ast, (path) => note(root, path));
  return root;
}

function note(root: Record<string, Mentioned>, path: readonly string[]): void {
  let at = root;
  for (const [index, member] of path.entries()) {
    if (Object.hasOwn(at, member) && at[member] === null) return;
    if (index === path.length - 1) at[member] = null;
    else {
      at[member] ??= {};
      at = at[member] as Record<string, Mentioned>;
    }
  }
}

function visit(ast: ASTNode, found: (path: readonly string[]) => void): void {
  const path = memberPathOf(ast);
  if (path) found(path);
  else for (const child of childrenOf(ast)) visit(child, found);
}

/** `['item', 'total', 'amount']` of `item.total.amount`; undefined for anything else than members of a name. */
export function memberPathOf(ast: ASTNode): readonly string[] | undefined {
  const path: string[] = [];
  let at = ast;
  while (at.op === '.') {
    path.unshift(at.args[1]);
    at = at.args[0];
  }
  return at.op === 'id' ? [at.args, ...path] : undefined;
}

/** Whether an expression names anything; what names nothing has one value for ever. */
export function hasNames(ast: ASTNode): boolean {
  return ast.op === 'id' || childrenOf(ast).some(hasNames);
}

/** The expressions that an expression is made of. */
export function childrenOf(ast: ASTNode): readonly ASTNode[] {
  switch (ast.op) {
    case 'value':
    case 'id':
      return [];
    case '.':
    case '.?':
      return [ast.args[0]];
    case 'call':
      return ast.args[1];
    case 'rcall':
      return [ast.args[1], ...ast.args[2]];
    case 'map':
      return ast.args.flat();
    case '!_':
    case '-_':
      return [ast.args];
    default:
      return ast.args;
  }
}

interface Conversion {
  readonly sizes: Sizes;
  /** How many lists and maps the value stands in. */
  readonly depth: number;
}

/**
 * What an expression mentions of a scope, as CEL has it: whole numbers as 64-bit integers, decimals and money as numbers by their
 * types. What is not mentioned is not touched. A mentioned node is there even where its output is not, so that `has()` can ask.
 */
export function toCelScope(
  scope: object,
  mentioned: NonNullable<Mentioned>,
  types: ScopeTypes | undefined,
): { readonly values: Record<string, unknown>; readonly sizes: Sizes } {
  const sizes: Sizes = { outer: 0, inner: 0 };
  const values: Record<string, unknown> = {};
  for (const [name, members] of Object.entries(mentioned)) {
    if (!Object.hasOwn(scope, name)) continue;
    const value = (scope as Readonly<Record<string, unknown>>)[name];
    const type = types && Object.hasOwn(types, name) ? types[name] : undefined;
    values[name] = pick(value, type, { members, sizes });
    if (name === 'nodes' || name === 'each')
      for (const id of Object.keys(members ?? {}))
        (values[name] as Record<string, unknown>)[id] ??= {};
  }
  return { values, sizes };
}

function pick(
  value: unknown,
  type: ValueType | undefined,
  { members, sizes }: { readonly members: Mentioned; readonly sizes: Sizes },
): unknown {
  const isPlain = type === undefined || type.kind === 'object' || type.kind === 'dyn';
  if (members === null || !isRecord(value) || !isPlain)
    return convert(value, type, { sizes, depth: 0 });
  const picked: Record<string, unknown> = {};
  for (const [name, within] of Object.entries(members)) {
    if (!Object.hasOwn(value, name)) continue;
    picked[name] = pick(value[name], fieldOf(type, name), { members: within, sizes });
  }
  return picked;
}

function fieldOf(type: ValueType | undefined, name: string): ValueType | undefined {
  if (type?.kind === 'map') return type.of;
  if (type?.kind !== 'object') return undefined;
  return Object.hasOwn(type.fields, name) ? type.fields[name]?.type : undefined;
}

function convert(value: unknown, wanted: ValueType | undefined, conversion: Conversion): unknown {
  const type = wanted?.kind === 'union' ? alternative(value, wanted) : wanted;
  if (typeof value === 'number')
    return type?.kind !== 'double' && Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string')
    return type?.kind === 'decimal' && isDecimal(value) ? new CelDecimal(value) : value;
  if (value === null || typeof value !== 'object' || value instanceof Text) return value;
  if (Array.isArray(value)) {
    const within = grown(conversion, value.length);
    const of = type?.kind === 'list' ? type.of : undefined;
    return value.map((each) => convert(each, of, within));
  }
  return convertRecord(value as Readonly<Record<string, unknown>>, type, conversion);
}

function convertRecord(
  value: Readonly<Record<string, unknown>>,
  type: ValueType | undefined,
  conversion: Conversion,
): unknown {
  if (type?.kind === 'money' && isMoney(value)) return new CelMoney(value);
  const entries = Object.entries(value).filter(([, member]) => member !== undefined);
  // The fields of an object are no list that a comprehension could be long over.
  const isMap = type?.kind === 'map' || (type?.kind !== 'object' && entries.length > 50);
  const within = isMap ? grown(conversion, entries.length) : conversion;
  return Object.fromEntries(
    entries.map(([name, member]) => [name, convert(member, fieldOf(type, name), within)]),
  );
}

function grown({ sizes, depth }: Conversion, length: number): Conversion {
  const level = depth === 0 ? 'outer' : 'inner';
  sizes[level] = Math.max(sizes[level], length);
  return { sizes, depth: depth + 1 };
}

/** Which of a union's types a value is of: the first that it fits. */
function alternative(value: unknown, type: ValueType): ValueType | undefined {
  return membersOf(type).find((each) => fits(value, each));
}

function fits(value: unknown, type: ValueType): boolean {
  switch (type.kind) {
    case 'null':
      return value === null;
    case 'int':
      return Number.isSafeInteger(value);
    case 'double':
      return typeof value === 'number';
    case 'string':
      return typeof value === 'string' && (type.values?.includes(value) ?? true);
    case 'decimal':
      return typeof value === 'string' && isDecimal(value);
    case 'bool':
      return typeof value === 'boolean' && (type.value ?? value) === value;
    case 'money':
      return isRecord(value) && isMoney(value);
    case 'list':
      return Array.isArray(value) && value.every((each) => fits(each, type.of));
    case 'map':
      return isRecord(value) && Object.values(value).every((each) => fits(each, type.of));
    case 'object':
      return isRecord(value) && Object.entries(type.fields).every((each) => fitsField(value, each));
    case 'union':
      return type.of.some((each) => fits(value, each));
    default:
      return type.kind === 'dyn' || (type.kind === 'text' && value instanceof Text);
  }
}

function fitsField(
  value: Readonly<Record<string, unknown>>,
  [name, field]: readonly [string, { readonly type: ValueType; readonly optional: boolean }],
): boolean {
  const own = Object.hasOwn(value, name) ? value[name] : undefined;
  return own === undefined ? field.optional : fits(own, field.type);
}

function isMoney(value: object): value is { amount: string; currency: string } {
  const { amount, currency } = value as { amount?: unknown; currency?: unknown };
  return typeof amount === 'string' && isDecimal(amount) && typeof currency === 'string';
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return (
    typeof value === 'object' && value !== null && !Array.isArray(value) && !(value instanceof Text)
  );
}
