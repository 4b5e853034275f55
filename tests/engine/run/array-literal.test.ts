import assert from 'node:assert/strict';
import fc from 'fast-check';
import pg from 'pg';
import { toStorableJson } from '../../../core/base/text.ts';
import { ArrayLiteral } from '../../../core/engine/run/array-literal.ts';

// pg's own reader of text[] and bytea[]: what PostgreSQL would understand.
const readTexts = pg.types.getTypeParser(1009 as never) as (literal: string) => unknown;
const readBytes = pg.types.getTypeParser(1001 as never) as (literal: string) => unknown;

const toStorable = (json: string): string => toStorableJson(JSON.parse(json));

function arrayLiteral(type: string, values: readonly unknown[]): string {
  const literal = new ArrayLiteral(type);
  for (const value of values) literal.add(value);
  return literal.toString();
}

describe('ArrayLiteral', () => {
  it('gives back every text, quotes, backslashes, commas and braces included', () => {
    const texts = fc.array(fc.option(fc.string({ unit: fc.constantFrom(...'"\\,{} NULaé\n') })));
    fc.assert(
      fc.property(texts, (values) =>
        assert.deepEqual(readTexts(arrayLiteral('text', values)), values),
      ),
    );
  });

  it('gives back every JSON document', () => {
    const documents = fc.array(fc.option(fc.json({ stringUnit: 'binary' }).map(toStorable)));
    fc.assert(
      fc.property(documents, (values) =>
        assert.deepEqual(readTexts(arrayLiteral('jsonb', values)), values),
      ),
    );
  });

  it('tells NULL from the text NULL and from an empty text', () => {
    assert.deepEqual(readTexts(arrayLiteral('text', [null, 'NULL', ''])), [null, 'NULL', '']);
  });

  it('gives back bytes', () => {
    const bytes = [Buffer.from([0, 92, 34, 255]), null, Buffer.alloc(0)];

    assert.deepEqual(readBytes(arrayLiteral('bytea', bytes)), bytes);
  });

  it('leaves numbers, ids, times and flags without quotes', () => {
    assert.equal(arrayLiteral('bigint', [1, null, -2]), '{1,NULL,-2}');
    assert.equal(arrayLiteral('boolean', [true, false]), '{true,false}');
    assert.equal(
      arrayLiteral('timestamptz', ['2026-06-30T00:00:00.000Z']),
      '{2026-06-30T00:00:00.000Z}',
    );
    assert.equal(arrayLiteral('numeric', []), '{}');
  });
});
