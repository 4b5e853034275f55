import assert from 'node:assert/strict';
import fc from 'fast-check';
import type pg from 'pg';
import { toStorableJson, toStorableText } from '../../../core/base/text.ts';
import { BinaryArray } from '../../../core/engine/journal/binary-array.ts';
import { isRefusal } from '../../../core/engine/journal/journal-line.ts';
import { anyText } from '../../support/any-text.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';

/** What PostgreSQL understands of it. */
describe('BinaryArray', () => {
  let fresh: FreshDatabase;
  let pool: pg.Pool;

  before(async () => {
    fresh = await freshDatabase();
    pool = fresh.database.pool('tutti_engine', 1);
  });

  after(function () {
    return fresh.drop(this);
  });

  /** `read`: the type that the answer is read as. */
  async function readBack(
    type: string,
    values: readonly unknown[],
    read = type,
  ): Promise<readonly unknown[]> {
    const array = new BinaryArray(type);
    for (const value of values) array.add(value);
    const sql = `SELECT coalesce(array_agg(v ORDER BY n), '{}')::${read}[] AS back FROM unnest($1::${type}[]) WITH ORDINALITY AS u(v, n)`;
    const { rows } = await pool.query<{ back: readonly unknown[] }>(sql, [array.toBuffer()]);
    return rows[0]?.back ?? [];
  }

  it('gives back every text, NULL, empty and repeated ones included', async () => {
    const text = fc.oneof(anyText.map(toStorableText), fc.constantFrom('', 'NULL'));
    await fc.assert(
      fc.asyncProperty(fc.array(fc.option(text)), async (values) => {
        const twice = values.flatMap((value) => [value, value]);
        assert.deepEqual(await readBack('text', twice), twice);
      }),
      { numRuns: 50 },
    );
  });

  it('begins anew where it is cleared, in the same bytes while they are few', () => {
    const values = fc.array(fc.option(fc.string({ maxLength: 40 })));
    const array = new BinaryArray('text');
    fc.assert(
      fc.property(values, (each) => {
        const fresh = new BinaryArray('text');
        array.clear();
        for (const value of each) for (const into of [array, fresh]) into.add(value);
        assert.deepEqual(array.toBuffer(), fresh.toBuffer());
      }),
    );
    const filled = (text: string): ArrayBufferLike => {
      array.clear();
      array.add(text);
      return array.toBuffer().buffer;
    };
    const few = filled('a'.repeat(10_000));
    assert.equal(filled('b'), few);
    filled('c'.repeat(1_000_000));
    assert.ok(filled('e').byteLength < 100_000, 'what one large flush needed is not kept');
  });

  it('gives back every JSON document', async () => {
    const json = fc.json({ stringUnit: 'binary' }).map((text) => toStorableJson(JSON.parse(text)));
    await fc.assert(
      fc.asyncProperty(fc.array(json), async (values) => {
        const back = await readBack('jsonb', values, 'text');
        const stored = await pool.query<{ back: readonly string[] }>(
          'SELECT $1::jsonb[]::text[] AS back',
          [values],
        );
        assert.deepEqual(back, stored.rows[0]?.back);
      }),
      { numRuns: 50 },
    );
  });

  it('gives back every integer of each size', async () => {
    const within = (bits: number) => fc.integer({ min: -(2 ** bits), max: 2 ** bits - 1 });
    const sizes = { smallint: within(15), int: within(31), bigint: fc.maxSafeInteger() };
    for (const [type, numbers] of Object.entries(sizes)) {
      await fc.assert(
        fc.asyncProperty(fc.array(numbers), async (values) =>
          assert.deepEqual((await readBack(type, values, 'text')).map(Number), values),
        ),
        { numRuns: 30 },
      );
    }
  });

  it('gives back moments to the millisecond and days, before 2000, too', async () => {
    const moments = ['1969-12-31T23:59:59.999Z', '1999-12-31T00:00:00.000Z'].map(Date.parse);
    const days = ['1999-12-31', '2000-01-01', '2026-02-28'];

    const texts = await readBack('timestamptz', [...moments, null, 1_782_777_600_123], 'text');

    assert.deepEqual(
      texts.map((text) => text && Date.parse(String(text))),
      [...moments, null, 1_782_777_600_123],
    );
    assert.deepEqual(await readBack('date', days, 'text'), days);
  });

  it('gives back ids, bytes and flags', async () => {
    const ids = ['0197a9f2-0000-7000-8000-00000000002a', '0197a9f2-0000-7000-8000-00000000002a'];
    const bytes = [Buffer.from([0, 92, 34, 255]), null, Buffer.alloc(0)];

    assert.deepEqual(await readBack('uuid', ids, 'text'), ids);
    assert.deepEqual(await readBack('bytea', bytes), bytes);
    assert.deepEqual(await readBack('boolean', [true, null, false]), [true, null, false]);
  });

  it('lets the database refuse what does not fit', async () => {
    const unfit = { smallint: 2 ** 15, int: 2 ** 31, bigint: 0.5 };
    for (const [type, value] of Object.entries(unfit))
      await assert.rejects(readBack(type, [1, value]), (error) => isRefusal(error), type);
  });
});
