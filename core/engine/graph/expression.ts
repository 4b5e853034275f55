import { Environment } from '@marcbachmann/cel-js';
import { EngineError } from '../../base/errors.ts';
import type { Cel } from '../../sdk/node.ts';

/** What expressions can see. `item` and `each` exist only inside a foreach. */
export interface ExpressionScope {
  readonly input: unknown;
  readonly run: { readonly today: string; readonly company: string };
  /** Outputs by node id: `{ match: { output } }`. */
  readonly nodes: Readonly<Record<string, { readonly output: unknown }>>;
  readonly item?: unknown;
  /** Outputs of the item's own graph, by its node ids. */
  readonly each?: Readonly<Record<string, { readonly output: unknown }>>;
}

/** A parsed expression. */
export type Expression = (scope: ExpressionScope) => unknown;

const environment = new Environment({ unlistedVariablesAreDyn: true, enableOptionalTypes: true });

/**
 * Parses a CEL expression once; the result is called per step.
 * Member paths, which nearly all mappings are, are walked without the interpreter.
 * @throws EXPRESSION_INVALID
 */
export function parseExpression({ cel }: Cel, path: string): Expression {
  if (
    /^[a-z_]\w*(\.[A-Za-z_]\w*)*$/.test(cel) &&
    cel !== 'true' &&
    cel !== 'false' &&
    cel !== 'null'
  )
    return memberPath(cel, path);
  try {
    const evaluate = environment.parse(cel);
    return (scope) =>
      attempt(() => plain(evaluate(numbersAsCel(scope) as Record<string, unknown>)), cel, path);
  } catch (error) {
    throw new EngineError(
      'EXPRESSION_INVALID',
      `${path}: '${cel}' is no valid CEL: ${messageOf(error)}.`,
      { cause: error },
    );
  }
}

function memberPath(cel: string, path: string): Expression {
  const members = cel.split('.');
  return (scope) => {
    let at: unknown = scope;
    for (const member of members) {
      if (at === null || typeof at !== 'object' || !Object.hasOwn(at, member)) {
        throw new EngineError(
          'EXPRESSION_INVALID',
          `${path}: '${cel}' has no '${member}' in this run.`,
        );
      }
      at = (at as Readonly<Record<string, unknown>>)[member];
    }
    return at;
  };
}

function attempt(evaluate: () => unknown, cel: string, path: string): unknown {
  try {
    return evaluate();
  } catch (error) {
    throw new EngineError('EXPRESSION_INVALID', `${path}: '${cel}' failed: ${messageOf(error)}.`, {
      cause: error,
    });
  }
}

// CEL's integer literals are 64-bit and compare with doubles only through a conversion: whole numbers go in as bigint.
function numbersAsCel(value: unknown): unknown {
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(numbersAsCel);
  if (value !== null && typeof value === 'object') {
    return Object.fromEntries(
      Object.entries(value).map(([key, member]) => [key, numbersAsCel(member)]),
    );
  }
  return value;
}

// Results are JSON: lists and maps are copied back, integers as numbers.
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value);
  if (Array.isArray(value)) return value.map(plain);
  if (value instanceof Map) return plain(Object.fromEntries(value));
  if (
    value !== null &&
    typeof value === 'object' &&
    Object.getPrototypeOf(value) === Object.prototype
  ) {
    return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, plain(member)]));
  }
  return value;
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split('\n')[0] ?? '';
}
