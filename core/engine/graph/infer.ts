import type { ASTNode } from '@marcbachmann/cel-js';
import { keyed, member } from './member.ts';
import { assume, type Facts, pathText, presenceOf } from './narrow.ts';
import {
  applyFunction,
  applyMethod,
  applyOperator,
  applySign,
  type Outcome,
  typeOfLiteral,
} from './operators.ts';
import { memberPathOf } from './scope.ts';
import { ended, type Surroundings, wrong } from './surroundings.ts';
import {
  bool,
  dyn,
  hint,
  listOf,
  mapOf,
  maybe,
  membersOf,
  nameOf,
  never,
  objectOf,
  string,
  unionOf,
  type ValueType,
} from './types.ts';

/**
 * The type of an expression's value, over the types of its scope. What is wrong is reported once, and is anything (`dyn`) from there on.
 * An expression without errors does not fail for its types when it is evaluated.
 */
export function infer(ast: ASTNode, around: Surroundings): ValueType {
  switch (ast.op) {
    case 'value':
      return typeOfLiteral(ast.args);
    case 'id':
      return inferName(ast.args, around);
    case '.':
    case '.?':
    case '[]':
    case '[?]':
      return inferAccess(ast, around);
    case 'list':
      return listOf(unionOf(ast.args.map((each) => infer(each, around))));
    case 'map':
      return inferMap(ast.args, around);
    case '?:':
      return inferChoice(ast.args, around);
    case '&&':
    case '||':
      return inferLogic(ast, around);
    case '!_':
    case '-_':
      return settle(applySign(ast.op, infer(ast.args, around)), around);
    case 'call':
      return inferCall(ast, around);
    case 'rcall':
      return inferMethod(ast, around);
    default: {
      const [left, right] = [infer(ast.args[0], around), infer(ast.args[1], around)];
      return settle(applyOperator(ast.op, left, right), around);
    }
  }
}

function settle(outcome: Outcome, around: Surroundings): ValueType {
  if ('type' in outcome) return outcome.type;
  return wrong('type_mismatch', `${outcome.wrong}.`, around);
}

function inferName(name: string, around: Surroundings): ValueType {
  const fact = around.facts.size > 0 && around.facts.get(pathText([name]));
  if (fact) return fact;
  const { types } = around;
  if (Object.hasOwn(types, name)) return types[name] as ValueType;
  const known = Object.keys(types);
  return wrong('unknown_name', `There is no '${name}' here${ended(hint(name, known))}`, around);
}

type Access = Extract<ASTNode, { op: '.' | '.?' | '[]' | '[?]' }>;

function inferAccess(ast: Access, around: Surroundings): ValueType {
  const path = memberPathOf(ast);
  const isAsked = ast.op === '.?' || ast.op === '[?]';
  noteReference(ast, isAsked, around);
  const isKnown = path !== undefined && around.facts.size > 0;
  const fact = isKnown && around.facts.get(pathText(path));
  if (fact) return fact;
  const of = infer(ast.args[0], around);
  const isOptional = isAsked || of.kind === 'maybe';
  const [inner] = [of.kind === 'maybe' ? of.of : of];
  const index = typeof ast.args[1] === 'string' ? ast.args[1] : indexOf(ast.args[1], around);
  const name = path ? path.join('.') : typeof index === 'string' ? `….${index}` : '…[…]';
  const isThere = isKnown && around.facts.has(presenceOf(path));
  const type = member(inner, index, { name, around, isOptional, isThere });
  return isOptional ? maybe(type) : type;
}

/** The member's name where it stands in the text, else the type of what is asked for. */
function indexOf(ast: ASTNode, around: Surroundings): string | ValueType {
  if (ast.op === 'value' && typeof ast.args === 'string') return ast.args;
  return infer(ast, around);
}

function noteReference(ast: Access, isAsked: boolean, around: Surroundings): void {
  const [of, name] = ast.args;
  if (typeof name !== 'string' || of.op !== '.' || of.args[0].op !== 'id') return;
  const [{ args: root }, id] = of.args;
  if ((root !== 'nodes' && root !== 'each') || !isGraph(around.types[root])) return;
  const isThere = around.facts.size > 0 && around.facts.has(presenceOf([root, id, name]));
  around.refer({ root, id, isAsked: isAsked || isThere });
}

const isGraph = (type: ValueType | undefined): boolean => type?.kind === 'object';

function inferMap(
  entries: readonly (readonly [ASTNode, ASTNode])[],
  around: Surroundings,
): ValueType {
  const fields: Record<string, ValueType> = {};
  const values: ValueType[] = [];
  let isKnown = true;
  for (const [key, value] of entries) {
    const type = infer(value, around);
    values.push(type);
    if (key.op === 'value' && typeof key.args === 'string') fields[key.args] = type;
    else {
      isKnown = false;
      const of = infer(key, around);
      if (!keyed(of)) wrong('type_mismatch', `A key must be text, not ${nameOf(of)}.`, around);
    }
  }
  return isKnown ? objectOf(fields) : mapOf(unionOf(values));
}

/** Reports what is no condition. */
function checkCondition(ast: ASTNode, around: Surroundings, what: string): ValueType {
  const type = infer(ast, around);
  const isCondition = membersOf(type).every(({ kind }) => kind === 'bool' || kind === 'dyn');
  if (!isCondition)
    wrong('type_mismatch', `${what} must be true or false, not ${nameOf(type)}.`, around);
  return type;
}

function inferChoice(
  [asked, then, otherwise]: readonly [ASTNode, ASTNode, ASTNode],
  around: Surroundings,
): ValueType {
  checkCondition(asked, around, 'What stands before ?');
  const facts = (holds: boolean): Facts => assume(asked, holds, narrowing(around));
  return unionOf([
    infer(then, { ...around, facts: facts(true) }),
    infer(otherwise, { ...around, facts: facts(false) }),
  ]);
}

function inferLogic(ast: ASTNode & { op: '&&' | '||' }, around: Surroundings): ValueType {
  const [left, right] = ast.args;
  checkCondition(left, around, `What stands before ${ast.op}`);
  const facts = assume(left, ast.op === '&&', narrowing(around));
  checkCondition(right, { ...around, facts }, `What stands after ${ast.op}`);
  return bool;
}

/** Facts are worked out in silence: what they are made of is reported where it stands. */
function narrowing(around: Surroundings) {
  return {
    facts: around.facts,
    typeOf: (ast: ASTNode, facts: Facts): ValueType =>
      infer(ast, { ...around, facts, report: () => {}, refer: () => {} }),
  };
}

function inferCall(ast: ASTNode & { op: 'call' }, around: Surroundings): ValueType {
  const [name, args] = ast.args;
  if (name !== 'has')
    return settle(
      applyFunction(
        name,
        args.map((each) => infer(each, around)),
      ),
      around,
    );
  const [asked] = args;
  const path = asked && memberPathOf(asked);
  if (path && path.length > 1) {
    const facts = new Map(around.facts).set(presenceOf(path), dyn);
    infer(asked, { ...around, facts });
  }
  return bool;
}

const overLists = new Set(['all', 'exists', 'exists_one', 'map', 'filter']);

function inferMethod(ast: ASTNode & { op: 'rcall' }, around: Surroundings): ValueType {
  const [name, receiver, args] = ast.args;
  const [variable, value, result] = args;
  if (name === 'bind' && receiver.op === 'id' && receiver.args === 'cel') {
    if (variable?.op !== 'id' || !value || !result) return dyn;
    return infer(result, bound(around, variable.args, infer(value, around)));
  }
  if (receiver.op === 'id' && receiver.args === 'optional')
    return maybe(name === 'none' || !variable ? never : infer(variable, around));
  const of = infer(receiver, around);
  if (overLists.has(name) && variable?.op === 'id') return inferComprehension(ast, of, around);
  const types = args.map((each) => infer(each, around));
  if (of.kind === 'maybe') return optionalMethod(name, of.of, { types, around });
  return settle(applyMethod(name, of, types), around);
}

function optionalMethod(
  name: string,
  of: ValueType,
  {
    types: [other],
    around,
  }: { readonly types: readonly ValueType[]; readonly around: Surroundings },
): ValueType {
  if (name === 'hasValue') return bool;
  if (name === 'value') return of;
  if (name === 'orValue' && other) return unionOf([of, other]);
  if (name === 'or' && other?.kind === 'maybe') return maybe(unionOf([of, other.of]));
  const message = `An optional has no ${name}() like that; take its value with orValue(…).`;
  return wrong('type_mismatch', message, around);
}

/** The scope with one more name, which hides what had it before. */
function bound(around: Surroundings, name: string, type: ValueType): Surroundings {
  const types = { ...around.types, [name]: type };
  if (around.facts.size === 0) return { ...around, types };
  const own = pathText([name]);
  const facts = [...around.facts].filter(([path]) => !path.startsWith(own));
  return { ...around, types, facts: new Map(facts) };
}

function inferComprehension(
  ast: ASTNode & { op: 'rcall' },
  of: ValueType,
  around: Surroundings,
): ValueType {
  const [name, , args] = ast.args;
  const [variable, ...bodies] = args as [ASTNode & { op: 'id' }, ...ASTNode[]];
  const element = elementOf(of, around);
  const inner = bound(around, variable.args, element);
  const last = bodies.at(-1);
  if (!last) return wrong('type_mismatch', `${name}() takes a name and an expression.`, around);
  if (name !== 'map') {
    checkCondition(last, inner, `What ${name}() asks`);
    return name === 'filter' ? listOf(element) : bool;
  }
  if (bodies.length === 1) return listOf(infer(last, inner));
  const [asked] = bodies as [ASTNode];
  checkCondition(asked, inner, 'What map() asks');
  return listOf(infer(last, { ...inner, facts: assume(asked, true, narrowing(inner)) }));
}

function elementOf(of: ValueType, around: Surroundings): ValueType {
  const elements = membersOf(of).map((each) => {
    if (each.kind === 'list') return each.of;
    if (each.kind === 'dyn') return dyn;
    return each.kind === 'map' || each.kind === 'object' ? string : undefined;
  });
  if (elements.every((each) => each !== undefined)) return unionOf(elements);
  const aid = membersOf(of).some(({ kind }) => kind === 'null')
    ? '; ask first whether it is null'
    : '';
  return wrong('type_mismatch', `${nameOf(of)} is no list to go through${aid}.`, around);
}
