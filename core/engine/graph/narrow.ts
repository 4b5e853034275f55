import type { ASTNode } from '@marcbachmann/cel-js';
import { memberPathOf } from './scope.ts';
import { dyn, membersOf, nothing, unionOf, type ValueType, withoutNull } from './types.ts';

/** What is known of members where an expression stands, by their paths: their types, and that they are there. */
export type Facts = ReadonlyMap<string, ValueType>;

export const noFacts: Facts = new Map();

/** A path as facts are kept by: every member ends with a line break, so that a path's members begin with it. */
export function pathText(path: readonly string[]): string {
  return path.map((member) => `${member}\n`).join('');
}

/** The name of the fact that a member is there. */
export function presenceOf(path: readonly string[]): string {
  return `${pathText(path)}?`;
}

interface Narrowing {
  readonly facts: Facts;
  readonly typeOf: (ast: ASTNode, facts: Facts) => ValueType;
}

/** What is known besides when a condition holds, or does not. */
export function assume(ast: ASTNode, holds: boolean, narrowing: Narrowing): Facts {
  switch (ast.op) {
    case '!_':
      return assume(ast.args, !holds, narrowing);
    case '&&':
    case '||': {
      if ((ast.op === '&&') !== holds) return narrowing.facts;
      const left = assume(ast.args[0], holds, narrowing);
      return assume(ast.args[1], holds, { ...narrowing, facts: left });
    }
    case '==':
      return assumeEqual(ast.args, holds, narrowing);
    case '!=':
      return assumeEqual(ast.args, !holds, narrowing);
    case 'call':
      return ast.args[0] === 'has' && holds
        ? assumeThere(ast.args[1][0], narrowing)
        : narrowing.facts;
    default:
      return narrowing.facts;
  }
}

function assumeEqual(
  [left, right]: readonly [ASTNode, ASTNode],
  holds: boolean,
  narrowing: Narrowing,
): Facts {
  const [named, literal] = left.op === 'value' ? [right, left] : [left, right];
  const path = memberPathOf(named);
  if (!path || literal.op !== 'value') return narrowing.facts;
  const type = narrowing.typeOf(named, narrowing.facts);
  if (literal.args === null) {
    const known = holds ? nothing : withoutNull(type);
    return new Map(narrowing.facts).set(pathText(path), known);
  }
  if (!holds) return assumeCase(named, (value) => value !== literal.args, narrowing);
  const facts = new Map(narrowing.facts).set(pathText(path), withoutNull(type));
  return assumeCase(named, (value) => value === undefined || value === literal.args, {
    ...narrowing,
    facts,
  });
}

/** Of alternatives that a member tells apart, those whose member may be like that. */
function assumeCase(
  named: ASTNode,
  isPossible: (value: string | boolean | undefined) => boolean,
  narrowing: Narrowing,
): Facts {
  if (named.op !== '.') return narrowing.facts;
  const path = memberPathOf(named.args[0]);
  const type = path && narrowing.typeOf(named.args[0], narrowing.facts);
  if (!path || type?.kind !== 'union') return narrowing.facts;
  const left = type.of.filter((each) => {
    if (each.kind !== 'object' || !Object.hasOwn(each.fields, named.args[1])) return true;
    return literalsOf(each.fields[named.args[1]]?.type).some(isPossible);
  });
  if (left.length === type.of.length || left.length === 0) return narrowing.facts;
  return new Map(narrowing.facts).set(pathText(path), unionOf(left));
}

function literalsOf(type: ValueType | undefined): readonly (string | boolean | undefined)[] {
  return membersOf(type ?? dyn).flatMap((each): readonly (string | boolean | undefined)[] => {
    if (each.kind === 'string' && each.values) return each.values;
    return each.kind === 'bool' ? [each.value] : [undefined];
  });
}

function assumeThere(asked: ASTNode | undefined, narrowing: Narrowing): Facts {
  const path = asked && memberPathOf(asked);
  if (!path || asked?.op !== '.') return narrowing.facts;
  const facts = new Map(narrowing.facts).set(presenceOf(path), { kind: 'dyn' });
  const above = path.slice(0, -1);
  const type = narrowing.typeOf(asked.args[0], narrowing.facts);
  const having = type.kind === 'union' ? fieldsWith(type, asked.args[1]) : [];
  return having.length > 0 ? facts.set(pathText(above), unionOf(having)) : facts;
}

/** The alternatives of a union that may have a member of a name. */
export function fieldsWith(type: ValueType, name: string): readonly ValueType[] {
  return membersOf(type).filter((each) => {
    if (each.kind === 'object') return each.others === 'open' || Object.hasOwn(each.fields, name);
    return each.kind === 'map' || each.kind === 'dyn' || (each.kind === 'money' && isPart(name));
  });
}

const isPart = (name: string): boolean => name === 'amount' || name === 'currency';
