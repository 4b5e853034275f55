import { type ASTNode, Environment, Optional, type ParseResult } from '@marcbachmann/cel-js';
import { EngineError } from '../../base/errors.ts';
import { Text } from '../../base/text.ts';
import type { Cel } from '../../sdk/node.ts';
import { isComprehension, stepLimit, stepsOf } from './cost.ts';
import { CelDecimal, CelMoney, withDecimals } from './decimal.ts';
import { childrenOf, type Mentioned, mentionedIn, type ScopeTypes, toCelScope } from './scope.ts';

/** What expressions can see. `item` and `each` exist only inside a foreach. */
export interface ExpressionScope {
  readonly input: unknown;
  readonly run: { readonly today: string; readonly company: string };
  /** Outputs by node id: `{ match: { output } }`. */
  readonly nodes: Readonly<Record<string, { readonly output: unknown }>>;
  readonly item?: unknown;
  /** Outputs of the item's own graph, by its node ids. */
  readonly each?: Readonly<Record<string, { readonly output: unknown }>>;
  /** In a compute: the outputs that it works on, and how many of them there are not. In a batch of a foreach: its items. */
  readonly items?: readonly unknown[];
  readonly missing?: number;
  /** In a wait for an event. */
  readonly event?: unknown;
}

/** A parsed expression. */
export type Expression = (scope: ExpressionScope) => unknown;

// What expressions may be: a person reads them. Deeper or longer ones are computed by a tool.
const limits = { maxDepth: 32, maxAstNodes: 500, maxListElements: 200, maxMapEntries: 200 };
const lengthLimit = 4_000;

// Fractions and whole numbers mix here: JSON does not tell 2.0 from 2, so nobody could write the one that CEL wants.
const environment = withDecimals(
  withMixedNumbers(
    withText(
      new Environment({
        unlistedVariablesAreDyn: true,
        enableOptionalTypes: true,
        homogeneousAggregateLiterals: false,
        limits,
      }),
    ),
  ),
);

/** Functions of CEL that are not offered: they can take long, or give what nobody could check. */
const refused: Readonly<Record<string, string>> = {
  matches: 'a pattern can take exponentially long; use startsWith, endsWith or contains',
  split: 'text is taken apart in a tool',
  json: 'data is read in a tool',
};

/**
 * Parses a CEL expression once; the result is called per step. With the `types` of its scope, decimals and money compare and compute as
 * numbers; without, they are text. Member paths, which nearly all mappings are, are walked without the interpreter.
 * @throws EXPRESSION_INVALID for what is no CEL, has wrong operands already by itself, or is past 4,000 characters, 500 terms or 32
 * levels; when called, also for lists so long that it could take more than 1,000,000 operations (about half a second)
 */
export function parseExpression({ cel }: Cel, path: string, types?: ScopeTypes): Expression {
  if (isMemberPath(cel)) return memberPath(cel, path);
  const parsed = parseCel(cel, path);
  let reading: Reading | undefined;
  return (scope) =>
    attempt(
      () => {
        reading ??= readingOf(parsed.ast);
        const given = toCelScope(scope, reading.mentioned, types);
        if (reading.isLong) refuseLong(parsed.ast, given);
        return plain(parsed(given.values));
      },
      { cel, path },
    );
}

interface Reading {
  readonly mentioned: NonNullable<Mentioned>;
  /** Whether what it takes depends on what it is given. */
  readonly isLong: boolean;
}

function readingOf(ast: ASTNode): Reading {
  return { mentioned: mentionedIn(ast), isLong: isComprehension(ast) };
}

// A workflow is checked, compiled for its plan and compiled for its runs, and its nodes repeat each other: most expressions
// have just been parsed. Parsing has no effect but its result, so it does not matter whose was kept. Those asked for last, oldest first:
// of 10,000 nodes most name others, each by a path of its own, and 1 kB is much for what is not asked for again.
const kept = new Map<string, ParseResult>();
const keptLimit = 512;

/** Parses and checks what can be checked without types. @throws EXPRESSION_INVALID */
export function parseCel(cel: string, path: string): ParseResult {
  const found = kept.get(cel);
  if (found) return keep(cel, found);
  try {
    if (cel.length > lengthLimit)
      throw new EngineError(
        'EXPRESSION_INVALID',
        `it has ${cel.length} characters, at most ${lengthLimit} are taken`,
      );
    const parsed = environment.parse(cel);
    refuseFunctions(parsed.ast);
    const checked = parsed.check();
    if (!checked.valid)
      throw checked.error ?? new EngineError('EXPRESSION_INVALID', 'it has wrong operands');
    return keep(cel, parsed);
  } catch (error) {
    const shown = cel.length > 200 ? `${cel.slice(0, 200)}…` : cel;
    throw new EngineError(
      'EXPRESSION_INVALID',
      `${path}: '${shown}' is no valid CEL: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

function keep(cel: string, parsed: ParseResult): ParseResult {
  kept.delete(cel);
  if (kept.size >= keptLimit) kept.delete(kept.keys().next().value ?? '');
  kept.set(cel, parsed);
  return parsed;
}

/** Whether an expression only names members: `input.order.id`. */
export function isMemberPath(cel: string): boolean {
  return (
    cel.length <= lengthLimit &&
    /^[a-z_]\w*(\.[A-Za-z_]\w*)*$/.test(cel) &&
    !['true', 'false', 'null'].includes(cel)
  );
}

function refuseFunctions(ast: ASTNode): void {
  const name = ast.op === 'call' || ast.op === 'rcall' ? ast.args[0] : '';
  const reason = Object.hasOwn(refused, name) ? refused[name] : undefined;
  if (reason !== undefined)
    throw new EngineError('EXPRESSION_INVALID', `${name}() is not offered: ${reason}`);
  for (const child of childrenOf(ast)) refuseFunctions(child);
}

function refuseLong(ast: ASTNode, given: ReturnType<typeof toCelScope>): void {
  const steps = stepsOf(ast, given);
  if (steps <= stepLimit) return;
  throw new EngineError(
    'EXPRESSION_INVALID',
    `over lists of ${given.sizes.outer} and ${given.sizes.inner} elements it could take ${Math.round(steps)} operations, ` +
      `at most ${stepLimit} are allowed; do it in a tool`,
  );
}

/** What a member path names in a scope. @throws EXPRESSION_INVALID naming `path`, where it stands, and the member that is not there */
export function memberAt(scope: ExpressionScope, cel: string, path: string): unknown {
  let at: unknown = scope;
  for (const member of membersOf(cel)) {
    if (at === null || typeof at !== 'object' || !Object.hasOwn(at, member)) {
      throw new EngineError(
        'EXPRESSION_INVALID',
        `${path}: '${cel}' has no '${member}' in this run.`,
      );
    }
    at = (at as Readonly<Record<string, unknown>>)[member];
  }
  return at;
}

// A foreach asks for the same few again and again; those of 10,000 nodes are asked for twice each and need not be held for it.
const split = new Map<string, readonly string[]>();
const splitLimit = 256;

function membersOf(cel: string): readonly string[] {
  const found = split.get(cel);
  if (found) return found;
  const members = cel.split('.');
  if (split.size >= splitLimit) split.clear();
  split.set(cel, members);
  return members;
}

function memberPath(cel: string, path: string): Expression {
  return (scope) => memberAt(scope, cel, path);
}

function attempt(
  evaluate: () => unknown,
  { cel, path }: { readonly cel: string; readonly path: string },
): unknown {
  try {
    return evaluate();
  } catch (error) {
    throw new EngineError('EXPRESSION_INVALID', `${path}: '${cel}' failed: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

// CEL joins lists only where the first elements are alike; lists of records seldom are.
function withText(of: Environment): Environment {
  return of
    .registerType('Text', Text)
    .registerFunction(
      'concat(list, list): list',
      (a: readonly unknown[], b: readonly unknown[]) => [...a, ...b],
    );
}

function withMixedNumbers(of: Environment): Environment {
  const operators = {
    '+': (a: number, b: number) => a + b,
    '-': (a: number, b: number) => a - b,
    '*': (a: number, b: number) => a * b,
    '/': (a: number, b: number) => a / b,
  };
  for (const [operator, compute] of Object.entries(operators))
    for (const [left, right] of [
      ['int', 'double'],
      ['double', 'int'],
    ])
      of.registerOperator(
        `${left} ${operator} ${right}: double`,
        (a: bigint | number, b: bigint | number) => compute(Number(a), Number(b)),
      );
  return of;
}

// Results are JSON: lists and maps are copied back, integers as numbers, decimals as text. A number that JSON would change is none.
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return wholeOf(value);
  if (typeof value === 'number' && !Number.isFinite(value))
    throw new EngineError(
      'EXPRESSION_INVALID',
      'it gives no number, such as after a division by 0',
    );
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== 'object') return value;
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (value instanceof CelDecimal || value instanceof CelMoney) return value.toJSON();
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Optional) return value.hasValue() ? plain(value.value()) : null;
  if (Object.getPrototypeOf(value) !== Object.prototype) return value;
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
}

function wholeOf(value: bigint): number {
  const number = Number(value);
  if (Number.isSafeInteger(number)) return number;
  throw new EngineError(
    'EXPRESSION_INVALID',
    `it gives ${String(value).slice(0, 40)}, and a number holds whole ones up to 2^53 - 1 exactly; write decimal(…) or string(…) around it`,
  );
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
