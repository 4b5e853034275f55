import pg from 'pg';

type Parse = (text: string) => unknown;

// pg's types name only its scalar types; 1009 is text[].
const findParser = pg.types.getTypeParser as (oid: number, format?: 'text') => Parse;
const textArray = findParser(1009) as (text: string) => readonly unknown[];

/** A number, or its text where a number would not be the same: beyond 2^53, NaN, Infinity. */
function toNumber(text: string): number | string {
  const value = Number(text);
  if (!Number.isFinite(value)) return text;
  return Number.isInteger(value) && !Number.isSafeInteger(value) ? text : value;
}

/** JSON by the same rule. `json` and `jsonb` hold numbers of any length. */
function readJson(text: string): unknown {
  return JSON.parse(text, asExact);
}

/** JSON.parse source text access: https://tc39.es/proposal-json-parse-with-source */
function asExact(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  const source = context?.source;
  return typeof value === 'number' && source !== undefined ? exactOf(value, source) : value;
}

/** Up to 15 digits a number keeps what was written, whatever they are. */
function exactOf(value: number, source: string): number | string {
  const digits = source.replace(/e.*$/i, '').replace(/^-?[0.]*|\.(?=\d)/g, '');
  if (digits.length <= 15 || String(value) === source) return toNumber(source);
  return source;
}

/** `2026-06-30 12:00:00.5+00` as ISO 8601 writes it; `infinity` as it is. */
function toIso(text: string): string {
  return text.replace(/^(\d{4,}-\d\d-\d\d) /, '$1T').replace(/\+00$/, 'Z');
}

// Object ids of the built-in types: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
const scalars: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [16, (text) => text === 't'],
  [20, toNumber],
  [21, toNumber],
  [23, toNumber],
  [26, toNumber],
  [700, toNumber],
  [701, toNumber],
  [114, readJson],
  [3802, readJson],
  [1114, toIso],
  [1184, toIso],
]);

// bool, int8, int2, int4, oid, float4, float8, timestamp, timestamptz; text, varchar, bpchar, numeric, date and uuid stay text.
const arrays: ReadonlyMap<number, number> = new Map([
  [1000, 16],
  [1016, 20],
  [1005, 21],
  [1007, 23],
  [1028, 26],
  [1021, 700],
  [1022, 701],
  [1115, 1114],
  [1185, 1184],
  [1009, 25],
  [1015, 25],
  [1014, 25],
  [1231, 25],
  [1182, 25],
  [2951, 25],
]);

/**
 * How columns become JSON: numbers where they are exact, `numeric` as decimal text, times as ISO 8601, JSON and arrays as what they are, everything
 * else as PostgreSQL writes it.
 */
export const jsonTypes = {
  getTypeParser(oid: number): Parse {
    const item = arrays.get(oid);
    if (item === undefined) return scalars.get(oid) ?? ((text) => text);
    const parse = scalars.get(item) ?? ((text: string) => text);
    const parseItem = (each: unknown): unknown => {
      if (Array.isArray(each)) return each.map(parseItem);
      return each === null ? null : parse(String(each));
    };
    return (text) => textArray(text).map(parseItem);
  },
};
