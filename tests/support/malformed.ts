import { gzipSync } from 'node:zlib';

/** A body that nobody who means well would send, with what it is sent as. */
export interface Malformed {
  readonly name: string;
  readonly body: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
  /** Whether it is no JSON document at all, so that no route that reads it may succeed. */
  readonly isUnreadable?: true;
}

type Json = null | boolean | number | string | readonly Json[] | { readonly [name: string]: Json };
type Place = readonly (string | number)[];

const bombBytes = 16 * 1_048_576;
const depth = 100_000;
const nested = '['.repeat(depth) + ']'.repeat(depth);
const objects = `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
let bomb: Buffer | undefined;

/** Members that stand for anything else than they say, as JSON text. */
const odd: readonly (readonly [name: string, text: string])[] = [
  ['huge number', '1e308'],
  ['number beyond', '1e999'],
  ['number of many digits', '9'.repeat(400)],
  ['number before zero', '-1'],
  ['number beyond 2^53', '9007199254740993'],
  ['null', 'null'],
  ['boolean', 'true'],
  ['empty array', '[]'],
  ['empty object', '{}'],
  ['nested arrays', nested],
  ['nested objects', objects],
  ['own __proto__', '{"__proto__":{"polluted":true}}'],
  ['constructor', '{"constructor":{"prototype":{"polluted":true}}}'],
  ['toString', '{"toString":1,"valueOf":1,"toJSON":1,"then":1,"length":-1}'],
  ['long array', `[${'0,'.repeat(50_000)}0]`],
];

/** Texts that have broken programs: of encodings, quotations, paths, templates and numbers. */
const naughty: readonly (readonly [name: string, text: string])[] = [
  ['empty', ''],
  ['space', ' '],
  ['NUL', 'a\u0000b'],
  ['first half of a pair', 'a\ud800b'],
  ['second half of a pair', 'a\udc00b'],
  ['control characters', '\u0001\u001b[31m\u007f\u0085\u2028'],
  ['bidirectional', '\u202eabc\u2066\u200b\ufeff'],
  ['no character', '\uffff\ufffe'],
  ['astral', '\u{1f4a9}\u{e0041}'],
  ['marks', `Z${'\u0301'.repeat(500)}`],
  ['quotes', `'"\`;--/*`],
  ['SQL', "'); DROP TABLE tutti.run; --"],
  ['path', '../../../../etc/passwd'],
  ['percent', '%00%ff%2e%2e%2f%s%n'],
  ['template', '$' + '{process.exit(1)}{{7*7}}<%= 1 %>'],
  ['markup', '<script>alert(1)</script>'],
  ['lines', 'a\r\nSet-Cookie: a=b\r\n\r\n'],
  ['__proto__', '__proto__'],
  ['constructor', 'constructor'],
  ['hasOwnProperty', 'hasOwnProperty'],
  ['number', '1e400'],
  ['NaN', 'NaN'],
  ['date', '+275760-09-13T00:00:00.001Z'],
  ['year 0', '0000-00-00'],
  ['address', 'http://[::ffff:169.254.169.254]:99999/'],
  ['name and password', 'https://a:b@[::1'],
  ['pattern', `${'a'.repeat(30_000)}!`],
  ['long', 'x'.repeat(100_000)],
];

/** Every malformed body that a valid one gives. */
export function* malformedOf(valid: unknown): Iterable<Malformed> {
  const body = (valid ?? {}) as Json;
  yield* broken(JSON.stringify(body));
  yield* packed(JSON.stringify(body));
  yield* disguised(body);
  for (const place of [[], ...placesOf(body)])
    for (const [name, text] of odd)
      yield made(`${name} at /${place.join('/')}`, put(body, place, text));
  for (const place of placesOf(body)) {
    if (typeof at(body, place) !== 'string') continue;
    for (const [name, text] of naughty)
      yield made(`${name} in /${place.join('/')}`, put(body, place, JSON.stringify(text)));
  }
}

/** A valid body with bytes changed, left out, doubled or put in, as `random` will. */
export function mangledOf(valid: unknown, random: () => number): Malformed {
  const bytes = [...Buffer.from(JSON.stringify(valid ?? {}))];
  for (let left = 1 + Math.floor(random() * 4); left > 0; left -= 1) {
    const from = Math.floor(random() * bytes.length);
    const kind = Math.floor(random() * 4);
    const some = bytes.slice(from, from + 1 + Math.floor(random() * 8));
    if (kind === 0) bytes[from] = Math.floor(random() * 256);
    else if (kind === 1) bytes.splice(from, some.length);
    else if (kind === 2) bytes.splice(from, 0, ...some);
    else bytes.splice(from, 0, ...Array.from({ length: 3 }, () => Math.floor(random() * 256)));
  }
  return { name: 'mangled', body: Buffer.from(bytes) };
}

function* broken(text: string): Iterable<Malformed> {
  const end = text.length - 1;
  const texts = {
    'cut off': text.slice(0, end),
    'more after it': `${text}}`,
    'two documents': text + text,
    'comma at the end': `${text.slice(0, end)},}`,
    NaN: '{"a":NaN}',
    Infinity: '{"a":-Infinity}',
    hexadecimal: '{"a":0x1F}',
    'single quotes': "{'a':1}",
    comment: `/* */${text}`,
    'wrong escape': '{"a":"\\u00"}',
    'raw line end': '{"a":"\n"}',
    'open arrays': '['.repeat(depth),
    'open objects': '{"a":'.repeat(depth),
    NUL: '\u0000',
    'a number': '7',
    'a text': '"text"',
  };
  for (const [name, each] of Object.entries(texts))
    yield { ...made(name, each), isUnreadable: true };
}

function* packed(text: string): Iterable<Malformed> {
  bomb ??= gzipSync(Buffer.alloc(bombBytes, ' '));
  const as = (name: string, body: Buffer, encoding: string): Malformed => ({
    ...{ name, body, headers: { 'content-encoding': encoding }, isUnreadable: true },
  });
  yield as('gzip bomb', bomb, 'gzip');
  yield as('gzip cut off', gzipSync(text).subarray(0, 15), 'gzip');
  for (const encoding of ['gzip', 'deflate', 'br', 'rot13', 'gzip, gzip'])
    yield as(`no ${encoding}`, Buffer.from(text), encoding);
}

/** What may be read as the valid body or as another: it must not become a failure. */
function* disguised(body: Json): Iterable<Malformed> {
  const text = JSON.stringify(body);
  const inner = text.slice(1);
  const more = (name: string, members: string): Malformed =>
    made(name, inner === '}' ? `{${members}}` : `{${members},${inner}`);
  yield more('__proto__', '"__proto__":{"polluted":true}');
  yield more('constructor', '"constructor":{"prototype":{"polluted":true}}');
  yield more('prototype', '"prototype":{"polluted":true}');
  yield made('doubled members', inner === '}' ? '{"a":1,"a":2}' : `${text.slice(0, -1)},${inner}`);
  const utf8 = Buffer.from(text);
  yield { name: 'BOM', body: Buffer.concat([Buffer.from('efbbbf', 'hex'), utf8]) };
  yield { name: 'UTF-16', body: Buffer.from(text, 'utf16le') };
  for (const bytes of ['c328', 'ff', 'c0af', 'eda080', 'f8a1a1a1a1'])
    yield {
      name: `bytes ${bytes}`,
      body: Buffer.from(
        text
          .replaceAll(/"(\w)/g, `"${'\u0001'}$1`)
          .replaceAll('\u0001', Buffer.from(bytes, 'hex').toString('latin1')),
        'latin1',
      ),
    };
  for (const type of [
    'text/plain',
    'application/json; charset=utf-7',
    'application/json; charset="',
    'multipart/form-data',
    'application/x-www-form-urlencoded',
  ])
    yield { name: type, body: utf8, headers: { 'content-type': type } };
}

function made(name: string, text: string): Malformed {
  return { name, body: Buffer.from(text) };
}

function* placesOf(value: Json, path: Place = []): Iterable<Place> {
  if (value === null || typeof value !== 'object') return;
  for (const [name, inner] of Object.entries(value) as [string, Json][]) {
    yield [...path, name];
    yield* placesOf(inner, [...path, name]);
  }
}

function at(value: Json, place: Place): Json {
  return place.reduce<Json>((each, name) => (each as Record<string, Json>)[name] ?? null, value);
}

/** The JSON text of a value in which another text stands at a place. */
function put(value: Json, place: Place, text: string): string {
  const [name, ...rest] = place;
  if (name === undefined) return text;
  const members = Object.entries(value as Record<string, Json>).map(([each, inner]) => {
    const own = each === String(name) ? put(inner, rest, text) : JSON.stringify(inner);
    return Array.isArray(value) ? own : `${JSON.stringify(each)}:${own}`;
  });
  return Array.isArray(value) ? `[${members}]` : `{${members}}`;
}
