import pg from 'pg';
import { EngineError } from '../../base/errors.ts';

type Parse = (text: string) => unknown;

// pg's types name only its scalar types; 1009 is text[].
const findParser = pg.types.getTypeParser as (oid: number, format?: 'text') => Parse;
const textArray = findParser(1009) as (text: string) => readonly (string | null)[];

/** bigint as a number; counters, sequence numbers and micro-USD stay far below 2^53 (9 × 10^15). @throws INTERNAL beyond it */
function parseInt8(text: string): number {
  const value = Number(text);
  if (Number.isSafeInteger(value)) return value;
  throw new EngineError('INTERNAL', `The bigint ${text} is beyond 2^53; select it as text.`);
}

// Object ids of the built-in types: https://github.com/postgres/postgres/blob/master/src/include/catalog/pg_type.dat
const parsers: ReadonlyMap<number, Parse> = new Map<number, Parse>([
  [20, parseInt8],
  [1016, (text) => textArray(text).map((item) => (item === null ? null : parseInt8(item)))],
  [1082, (text) => text],
  [1182, textArray],
  [1700, (text) => text],
  [1231, textArray],
]);

/**
 * How columns arrive in TypeScript, per connection (never by changing pg's global table): `bigint` as a number, `numeric` as
 * decimal text, `date` as 'YYYY-MM-DD', `timestamptz` as a Date, `jsonb` parsed, `bytea` as a Buffer, `uuid` as text.
 */
export const columnTypes = {
  getTypeParser(oid: number, format: 'text' | 'binary' = 'text'): Parse {
    const own = format === 'text' ? parsers.get(oid) : undefined;
    return own ?? findParser(oid, 'text');
  },
};
