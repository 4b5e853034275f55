import {
  bool,
  bytes,
  decimal,
  double,
  duration,
  dyn,
  int,
  isDecimal,
  listOf,
  membersOf,
  money,
  nameOf,
  nothing,
  oneOf,
  string,
  timestamp,
  typeType,
  unionOf,
  type ValueType,
} from './types.ts';

/** What an operation gives, or why its operands do not do. */
export type Outcome = { readonly type: ValueType } | { readonly wrong: string };

const relational = new Set(['<', '<=', '>', '>=']);

/** What a binary operator gives for every alternative of its operands. */
export function applyOperator(operator: string, left: ValueType, right: ValueType): Outcome {
  const given: ValueType[] = [];
  for (const a of membersOf(left))
    for (const b of membersOf(right)) {
      const type = single(operator, a, b);
      // Equality with one alternative of several is a question; with none of them it is a mistake.
      if (!type && !(operator === '==' || operator === '!='))
        return { wrong: wrongOperands(operator, [left, a], [right, b]) };
      if (type) given.push(type);
    }
  if (given.length === 0) return { wrong: wrongOperands(operator, [left, left], [right, right]) };
  return { type: unionOf(given) };
}

function single(operator: string, a: ValueType, b: ValueType): ValueType | undefined {
  if (operator === '==' || operator === '!=') return isComparable(a, b) ? bool : undefined;
  if (operator === 'in') return isMembership(a, b) ? bool : undefined;
  if (a.kind === 'text' || b.kind === 'text') return undefined;
  if (a.kind === 'dyn' || b.kind === 'dyn') return relational.has(operator) ? bool : dyn;
  if (relational.has(operator)) return isOrdered(a, b) ? bool : undefined;
  return arithmetic(operator, a, b);
}

const isNumber = ({ kind }: ValueType): boolean => kind === 'int' || kind === 'double';
const isExact = ({ kind }: ValueType): boolean => kind === 'int' || kind === 'decimal';

function isOrdered(a: ValueType, b: ValueType): boolean {
  if (isNumber(a) && isNumber(b)) return true;
  if (isExact(a) && isExact(b)) return true;
  return a.kind === b.kind && ['string', 'bool', 'money', 'timestamp', 'duration'].includes(a.kind);
}

function isComparable(a: ValueType, b: ValueType): boolean {
  if (a.kind === 'text' || b.kind === 'text') return a.kind === 'null' || b.kind === 'null';
  if (a.kind === 'dyn' || b.kind === 'dyn') return true;
  if (a.kind === 'null' || b.kind === 'null') return true;
  if (a.kind === 'never' || b.kind === 'never') return true;
  if (a.kind === 'string' && b.kind === 'string' && a.values && b.values)
    return a.values.some((each) => b.values?.includes(each));
  if ((a.kind === 'map' && b.kind === 'object') || (a.kind === 'object' && b.kind === 'map'))
    return true;
  if (a.kind === 'list' && b.kind === 'list')
    return membersOf(a.of).some((x) => membersOf(b.of).some((y) => isComparable(x, y)));
  return a.kind === b.kind || (isNumber(a) && isNumber(b)) || (isExact(a) && isExact(b));
}

function isMembership(a: ValueType, b: ValueType): boolean {
  if (a.kind === 'text') return false;
  if (b.kind === 'dyn') return true;
  if (b.kind === 'list') return membersOf(b.of).some((each) => isComparable(a, each));
  return (b.kind === 'map' || b.kind === 'object') && (a.kind === 'string' || a.kind === 'dyn');
}

function arithmetic(operator: string, a: ValueType, b: ValueType): ValueType | undefined {
  if (operator === '%') return a.kind === 'int' && b.kind === 'int' ? int : undefined;
  if (a.kind === 'int' && b.kind === 'int') return int;
  if (isNumber(a) && isNumber(b)) return double;
  if (isExact(a) && isExact(b)) return decimal;
  if (operator === '*') return a.kind === 'money' && isExact(b) ? money : undefined;
  if (operator === '+') return sum(a, b);
  return operator === '-' ? difference(a, b) : undefined;
}

function sum(a: ValueType, b: ValueType): ValueType | undefined {
  if (a.kind === 'string' && b.kind === 'string') return string;
  if (a.kind === 'money' && b.kind === 'money') return money;
  if (a.kind === 'bytes' && b.kind === 'bytes') return bytes;
  if (a.kind === 'list' && b.kind === 'list') return joined(a.of, b.of);
  if (a.kind === 'duration' && b.kind === 'duration') return duration;
  const isMoment = a.kind === 'timestamp' || b.kind === 'timestamp';
  return isMoment && (a.kind === 'duration' || b.kind === 'duration') ? timestamp : undefined;
}

// CEL joins lists by the types of their first elements, so these must be of one type whatever they are.
function joined(a: ValueType, b: ValueType): ValueType | undefined {
  if (a.kind === 'never') return listOf(b);
  if (b.kind === 'never') return listOf(a);
  const isPlain = ['string', 'int', 'double', 'bool', 'decimal', 'money'].includes(a.kind);
  return a.kind === b.kind && isPlain ? listOf(unionOf([a, b])) : undefined;
}

function difference(a: ValueType, b: ValueType): ValueType | undefined {
  if (a.kind === 'money' && b.kind === 'money') return money;
  if (a.kind === 'timestamp' && b.kind === 'timestamp') return duration;
  if (b.kind !== 'duration') return undefined;
  return a.kind === 'timestamp' || a.kind === 'duration' ? a : undefined;
}

type Side = readonly [whole: ValueType, alternative: ValueType];

function wrongOperands(operator: string, [left, a]: Side, [right, b]: Side): string {
  const said = `${nameOf(left)} ${operator} ${nameOf(right)} does not go`;
  if (a.kind === 'text' || b.kind === 'text')
    return `${said}: somebody outside may have written the text; pass it on to a tool that reads it`;
  if (operator !== '==' && operator !== '!=' && (a.kind === 'null' || b.kind === 'null'))
    return `${said}: it may be null; ask first, such as x != null && …`;
  const other = a.kind === 'decimal' ? b : a;
  if (a.kind === 'decimal' || b.kind === 'decimal') {
    const literal = other.kind === 'string' && other.values?.length === 1 ? other.values[0] : '';
    const shown = literal && isDecimal(literal) ? literal : '950.00';
    return `${said}; write ${other.kind === 'string' && !literal ? 'decimal(…) around the text, such as ' : ''}decimal("${shown}")`;
  }
  if (a.kind === 'money' || b.kind === 'money')
    return `${said}; write money("950.00", "EUR"), or compare the .amount with a decimal`;
  if (a.kind === 'list' && b.kind === 'list' && operator === '+')
    return `${said}; write concat(a, b)`;
  if (a.kind === 'string' && b.kind === 'string') return `${said}: they are never equal`;
  return said;
}

/** A function by what it takes; `list` and `map` stand for any. Without a receiver it is called by itself. */
interface Signature {
  readonly takes: readonly (readonly string[])[];
  readonly gives: ValueType;
}

const text = ['string'];
const whole = ['int'];
const sized = [['string', 'bytes', 'list', 'map', 'object']];

const functions: Readonly<Record<string, Signature>> = {
  size: { takes: sized, gives: int },
  bool: { takes: [['bool', 'string']], gives: bool },
  double: { takes: [['double', 'int', 'string']], gives: double },
  int: { takes: [['int', 'double', 'string']], gives: int },
  string: { takes: [['string', 'bool', 'int', 'double', 'bytes', 'decimal']], gives: string },
  timestamp: { takes: [['string', 'int']], gives: timestamp },
  duration: { takes: [text], gives: duration },
  bytes: { takes: [['string', 'bytes']], gives: bytes },
  decimal: { takes: [['string', 'int', 'decimal']], gives: decimal },
  money: { takes: [['string', 'decimal'], text], gives: money },
  type: {
    takes: [['string', 'int', 'double', 'bool', 'null', 'decimal', 'list', 'map', 'object']],
    gives: typeType,
  },
};

const ofText: Readonly<Record<string, readonly Signature[]>> = {
  startsWith: [{ takes: [text], gives: bool }],
  endsWith: [{ takes: [text], gives: bool }],
  contains: [{ takes: [text], gives: bool }],
  lowerAscii: [{ takes: [], gives: string }],
  upperAscii: [{ takes: [], gives: string }],
  trim: [{ takes: [], gives: string }],
  size: [{ takes: [], gives: int }],
  indexOf: [
    { takes: [text], gives: int },
    { takes: [text, whole], gives: int },
  ],
  lastIndexOf: [
    { takes: [text], gives: int },
    { takes: [text, whole], gives: int },
  ],
  substring: [
    { takes: [whole], gives: string },
    { takes: [whole, whole], gives: string },
  ],
};
const partsOfTime = ['Hours', 'Minutes', 'Seconds', 'Milliseconds'];
const partsOfDay = ['Date', 'DayOfMonth', 'DayOfWeek', 'DayOfYear', 'FullYear', 'Month'];

function named(parts: readonly string[], takes: readonly Signature[]) {
  return Object.fromEntries(parts.map((part) => [`get${part}`, takes]));
}

const methods: Readonly<Record<string, Readonly<Record<string, readonly Signature[]>>>> = {
  string: ofText,
  timestamp: named(
    [...partsOfTime, ...partsOfDay],
    [
      { takes: [], gives: int },
      { takes: [text], gives: int },
    ],
  ),
  duration: named(partsOfTime, [{ takes: [], gives: int }]),
  bytes: {
    size: [{ takes: [], gives: int }],
    hex: [{ takes: [], gives: string }],
    string: [{ takes: [], gives: string }],
    base64: [{ takes: [], gives: string }],
  },
  list: {
    size: [{ takes: [], gives: int }],
    join: [
      { takes: [], gives: string },
      { takes: [text], gives: string },
    ],
  },
  map: { size: [{ takes: [], gives: int }] },
  object: { size: [{ takes: [], gives: int }] },
};

/** What a function gives for its arguments. */
export function applyFunction(name: string, args: readonly ValueType[]): Outcome {
  if (name === 'dyn' && args.length === 1)
    return args[0]?.kind === 'text' ? { wrong: 'opaque text stays opaque' } : { type: dyn };
  if (name === 'concat') return concat(args);
  if (!Object.hasOwn(functions, name)) return { wrong: `there is no function ${name}()` };
  return applied(`${name}()`, [functions[name] as Signature], args);
}

function concat(args: readonly ValueType[]): Outcome {
  const [a, b] = args;
  const isListed = (type: ValueType): boolean => type.kind === 'list' || type.kind === 'dyn';
  if (!a || !b || args.length !== 2 || !isListed(a) || !isListed(b))
    return { wrong: `concat() takes two lists, not ${args.map(nameOf).join(' and ')}` };
  const of = (type: ValueType): ValueType => (type.kind === 'list' ? type.of : dyn);
  return { type: listOf(unionOf([of(a), of(b)])) };
}

/** What a method gives for its receiver and arguments. */
export function applyMethod(
  name: string,
  receiver: ValueType,
  args: readonly ValueType[],
): Outcome {
  const given: ValueType[] = [];
  for (const member of membersOf(receiver)) {
    if (member.kind === 'dyn') return { type: dyn };
    const own = Object.hasOwn(methods, member.kind) ? methods[member.kind] : undefined;
    const signatures = own && Object.hasOwn(own, name) ? own[name] : undefined;
    if (!signatures)
      return { wrong: `there is no ${name}() of ${nameOf(member)}${nullAid(member)}` };
    if (name === 'join' && member.kind === 'list' && !isTextList(member.of))
      return { wrong: `join() takes a list of text, not ${nameOf(member)}` };
    const outcome = applied(`${name}()`, signatures, args);
    if ('wrong' in outcome) return outcome;
    given.push(outcome.type);
  }
  return { type: unionOf(given) };
}

function isTextList(of: ValueType): boolean {
  return ['string', 'dyn', 'never'].includes(of.kind);
}

function applied(
  name: string,
  signatures: readonly Signature[],
  args: readonly ValueType[],
): Outcome {
  const fit = signatures.find(
    ({ takes }) =>
      takes.length === args.length &&
      takes.every((each, at) => isTaken(each, args[at] as ValueType)),
  );
  if (fit) return { type: fit.gives };
  const counts = signatures.map(({ takes }) => takes.length).join(' or ');
  if (signatures.every(({ takes }) => takes.length !== args.length))
    return { wrong: `${name} takes ${counts} arguments, not ${args.length}` };
  const aid = args.map(nullAid).find((each) => each !== '') ?? '';
  return { wrong: `${name} does not take ${args.map(nameOf).join(' and ')}${aid}` };
}

function nullAid(type: ValueType): string {
  return membersOf(type).some((each) => each === nothing || each.kind === 'null')
    ? '; it may be null, ask first, such as x != null && …'
    : '';
}

function isTaken(kinds: readonly string[], type: ValueType): boolean {
  return membersOf(type).every(({ kind }) => kind === 'dyn' || kinds.includes(kind));
}

/** What `-` and `!` give. */
export function applySign(operator: '!_' | '-_', of: ValueType): Outcome {
  const kinds = operator === '!_' ? ['bool'] : ['int', 'double', 'decimal'];
  if (isTaken(kinds, of)) return { type: operator === '!_' ? bool : of };
  return { wrong: `${operator[0]} does not take ${nameOf(of)}${nullAid(of)}` };
}

/** The type of a literal. */
export function typeOfLiteral(value: unknown): ValueType {
  switch (typeof value) {
    case 'string':
      return oneOf(value);
    case 'bigint':
      return int;
    case 'number':
      return double;
    case 'boolean':
      return { kind: 'bool', value };
    default:
      if (value === null) return nothing;
      return value instanceof Uint8Array ? bytes : dyn;
  }
}
