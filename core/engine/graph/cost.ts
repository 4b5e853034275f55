import type { ASTNode } from '@marcbachmann/cel-js';
import { childrenOf, memberPathOf, type Sizes } from './scope.ts';

/** What an expression may take at most: operations that its evaluation may need, with the lists that it is given. */
export const stepLimit = 1_000_000;

const overLists = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

/** Whether an expression runs over a list: what it takes depends on what it is given. */
export function isComprehension(ast: ASTNode): boolean {
  if (ast.op === 'rcall' && overLists.has(ast.args[0])) return true;
  return childrenOf(ast).some(isComprehension);
}

/** An upper bound of a list that an expression gives, and of lists within its elements. */
interface Bound {
  readonly length: number;
  readonly within: number;
}
interface Estimate extends Bound {
  readonly steps: number;
}
interface Given {
  readonly values: Readonly<Record<string, unknown>>;
  readonly sizes: Sizes;
  /** Of the variables of comprehensions around it. */
  readonly variables: ReadonlyMap<string, Bound>;
}

const scalar: Estimate = { steps: 1, length: 0, within: 0 };

/** An upper bound of the operations that evaluating an expression takes, from the lists that it is given; nothing is evaluated. */
export function stepsOf(
  ast: ASTNode,
  given: { readonly values: Readonly<Record<string, unknown>>; readonly sizes: Sizes },
): number {
  return estimate(ast, { ...given, variables: new Map() }).steps;
}

function estimate(ast: ASTNode, given: Given): Estimate {
  const path = memberPathOf(ast);
  if (path) return { steps: path.length, ...boundOf(path, given) };
  switch (ast.op) {
    case 'value':
      return scalar;
    case 'rcall':
      return estimateCall(ast, given);
    case '[]':
    case '[?]':
    case '.':
    case '.?':
      return inside(together(ast, given));
    case 'list': {
      const all = together(ast, given);
      return { ...all, length: ast.args.length, within: Math.max(all.length, all.within) };
    }
    case '+':
    case 'in':
    case '==':
    case '!=':
      return overBoth(ast.op, estimate(ast.args[0], given), estimate(ast.args[1], given));
    case 'call':
      if (ast.args[0] !== 'concat' || !ast.args[1][0] || !ast.args[1][1])
        return together(ast, given);
      return overBoth('+', estimate(ast.args[1][0], given), estimate(ast.args[1][1], given));
    default:
      return together(ast, given);
  }
}

function boundOf(path: readonly string[], { values, sizes, variables }: Given): Bound {
  const variable = variables.get(path[0] as string);
  if (variable) return variable;
  let at: unknown = values;
  for (const member of path) {
    if (typeof at !== 'object' || at === null) return scalar;
    at = (at as Readonly<Record<string, unknown>>)[member];
  }
  if (Array.isArray(at)) return { length: at.length, within: sizes.inner };
  if (typeof at !== 'object' || at === null) return scalar;
  return { length: Math.max(sizes.outer, Object.keys(at).length), within: sizes.inner };
}

function estimateCall(ast: ASTNode & { op: 'rcall' }, given: Given): Estimate {
  const [name, receiver, args] = ast.args;
  const [variable] = args;
  if (variable?.op !== 'id') return together(ast, given);
  if (name === 'bind' && args[1] && args[2]) {
    const bound = estimate(args[1], given);
    const result = estimate(args[2], binding(given, variable.args, bound));
    return { ...result, steps: bound.steps + result.steps };
  }
  if (!overLists.has(name)) return together(ast, given);
  const range = estimate(receiver, given);
  const element = { length: range.within, within: range.within };
  const each = args.slice(1).map((arg) => estimate(arg, binding(given, variable.args, element)));
  const steps = range.steps + range.length * (1 + sum(each.map((one) => one.steps)));
  if (name === 'filter') return { ...range, steps };
  if (name !== 'map') return { ...scalar, steps };
  const made = each.at(-1) ?? scalar;
  return { steps, length: range.length, within: Math.max(made.length, made.within) };
}

function binding(given: Given, name: string, bound: Bound): Given {
  return { ...given, variables: new Map([...given.variables, [name, bound]]) };
}

function together(ast: ASTNode, given: Given): Estimate {
  const all = childrenOf(ast).map((child) => estimate(child, given));
  return {
    steps: 1 + sum(all.map(({ steps }) => steps)),
    length: Math.max(0, ...all.map(({ length }) => length)),
    within: Math.max(0, ...all.map(({ within }) => within)),
  };
}

function inside(of: Estimate): Estimate {
  const length = Math.max(of.length, of.within);
  return { ...of, length, within: of.within };
}

/** What goes through lists: joining copies both, `in` looks at each element, equality ends at the shorter. */
function overBoth(op: '+' | 'in' | '==' | '!=', left: Estimate, right: Estimate): Estimate {
  const own = left.steps + right.steps + 1;
  if (op === 'in') return { ...scalar, steps: own + right.length };
  if (op !== '+') return { ...scalar, steps: own + Math.min(left.length, right.length) };
  const length = left.length + right.length;
  return { steps: own + length, length, within: Math.max(left.within, right.within) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
