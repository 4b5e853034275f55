/** Why a text is no JSON, and where: line and column count from 1, columns in UTF-16 code units. */
export interface Fault {
  readonly line: number;
  readonly column: number;
  readonly message: string;
}

/**
 * The first place where a text stops being JSON (RFC 8259), or goes deeper than `maxDepth`; null for JSON. `JSON.parse` names no place
 * for short texts. Takes no stack: nesting is counted, not followed.
 */
export function jsonFault(text: string, maxDepth: number): Fault | null {
  const scan: Scan = { text, at: 0, open: [], maxDepth };
  let expected: Expected = 'value';
  try {
    for (;;) {
      scan.at += matchAt(blanks, scan)?.length ?? 0;
      if (expected === 'end' && scan.at === text.length) return null;
      expected = step(scan, expected);
    }
  } catch (error) {
    if (error instanceof Misfit) return { ...positionOf(text, error.at), message: error.message };
    throw error;
  }
}

/** Line and column of an offset. */
export function positionOf(text: string, offset: number): { line: number; column: number } {
  const before = text.slice(0, offset).split(/\r\n|\n|\r/);
  return { line: before.length, column: (before.at(-1) ?? '').length + 1 };
}

type Expected = 'value' | 'value or ]' | 'name or }' | 'name' | ':' | ', or ]' | ', or }' | 'end';

interface Scan {
  readonly text: string;
  at: number;
  readonly open: ('[' | '{')[];
  readonly maxDepth: number;
}

class Misfit extends Error {
  readonly at: number;
  constructor(message: string, at: number) {
    super(message);
    this.at = at;
  }
}

const blanks = /[ \t\n\r]*/y;
const escaped = /\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})/y;
const scalar = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null/y;

function matchAt(pattern: RegExp, { text, at }: Scan): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

/** Reads one token, and says what may follow. */
function step(scan: Scan, expected: Expected): Expected {
  const sign = scan.text[scan.at];
  const isName = expected === 'name' || expected === 'name or }';
  if (sign === undefined) throw new Misfit(endedAt(scan, expected), scan.at);
  if (sign === '}' && (expected === 'name or }' || expected === ', or }')) return close(scan);
  if (sign === ']' && (expected === 'value or ]' || expected === ', or ]')) return close(scan);
  if (sign === ',' && expected.startsWith(','))
    return skip(scan, scan.open.at(-1) === '{' ? 'name' : 'value');
  if (sign === ':' && expected === ':') return skip(scan, 'value');
  if (sign === '"' && isName) return string(scan, ':');
  if (!expected.startsWith('value')) throw unexpected(scan, expected);
  if (sign === '"') return string(scan, after(scan));
  if (sign === '{' || sign === '[') return open(scan, sign);
  const value = matchAt(scalar, scan);
  if (value === undefined) throw unexpected(scan, expected);
  scan.at += value.length;
  return after(scan);
}

function skip(scan: Scan, next: Expected): Expected {
  scan.at += 1;
  return next;
}

function open(scan: Scan, sign: '[' | '{'): Expected {
  if (scan.open.length === scan.maxDepth)
    throw new Misfit(`it goes deeper than ${scan.maxDepth} levels`, scan.at);
  scan.open.push(sign);
  return skip(scan, sign === '{' ? 'name or }' : 'value or ]');
}

function close(scan: Scan): Expected {
  scan.open.pop();
  scan.at += 1;
  return after(scan);
}

function after({ open }: Scan): Expected {
  const sign = open.at(-1);
  if (sign === undefined) return 'end';
  return sign === '{' ? ', or }' : ', or ]';
}

function string(scan: Scan, next: Expected): Expected {
  const start = scan.at;
  scan.at += 1;
  for (;;) {
    while (isPlain(scan.text.charCodeAt(scan.at))) scan.at += 1;
    const sign = scan.text[scan.at];
    if (sign === '"') return skip(scan, next);
    if (sign === undefined)
      throw new Misfit('the text that begins here has no closing quote', start);
    const escaping = sign === '\\' ? matchAt(escaped, scan) : undefined;
    if (escaping === undefined)
      throw new Misfit(
        sign === '\\' ? 'no escape begins like this' : 'a control character must be escaped',
        scan.at,
      );
    scan.at += escaping.length;
  }
}

/** Whether a code unit stands in a text as it is; of no code unit (NaN) nothing does. */
function isPlain(unit: number): boolean {
  return unit >= 0x20 && unit !== 0x22 && unit !== 0x5c;
}

function unexpected({ text, at }: Scan, expected: Expected): Misfit {
  const sign = String.fromCodePoint(text.codePointAt(at) ?? 0);
  return new Misfit(`'${sign}' stands where ${words[expected]} is expected`, at);
}

function endedAt({ open }: Scan, expected: Expected): string {
  const unclosed = open.length > 0 ? `; not closed: ${open.join('').slice(-20)}` : '';
  return `the text ends where ${words[expected]} is expected${unclosed}`;
}

const words: Readonly<Record<Expected, string>> = {
  value: 'a value',
  'value or ]': "a value or ']'",
  'name or }': "a name in quotes or '}'",
  name: 'a name in quotes',
  ':': "':'",
  ', or ]': "',' or ']'",
  ', or }': "',' or '}'",
  end: 'the end',
};
