import assert from 'node:assert/strict';
import { z } from 'zod';
import { Decimal, Money } from '../../../core/base/money.ts';
import { Text } from '../../../core/base/text.ts';
import {
  typeOfJsonSchema,
  typeOfRow,
  typeOfSchema,
} from '../../../core/engine/graph/schema-types.ts';
import {
  decimal,
  dyn,
  hint,
  int,
  listOf,
  mapOf,
  mismatches,
  money,
  nameOf,
  nothing,
  objectOf,
  oneOf,
  opaque,
  string,
  unionOf,
} from '../../../core/engine/graph/types.ts';
import { defineEntity, field } from '../../../core/sdk/entity.ts';
import { verifies } from '../../support/verifies.ts';

describe('types of schemas', () => {
  it('knows decimals, money, opaque text, enums, lists, maps and null', () => {
    verifies('R1.inputs');
    const schema = z.object({
      limit: Decimal.describe('at most'),
      total: Money,
      memo: z.instanceof(Text).nullable(),
      status: z.enum(['open', 'held']),
      lines: z.array(z.int()),
      rates: z.record(z.string(), Decimal),
      anything: z.unknown(),
    });
    assert.deepEqual(
      typeOfSchema(schema, 'output'),
      objectOf(
        {
          limit: decimal,
          total: money,
          memo: unionOf([opaque, nothing]),
          status: oneOf('open', 'held'),
          lines: listOf(int),
          rates: mapOf(decimal),
          anything: dyn,
        },
        'strict',
      ),
    );
  });

  it('lets a field with a default be left out, and has it afterwards', () => {
    const schema = z.object({ open: z.boolean().default(true) });
    const [given, taken] = [typeOfSchema(schema, 'input'), typeOfSchema(schema, 'output')];
    assert.equal(given.kind === 'object' && given.fields.open?.optional, true);
    assert.equal(taken.kind === 'object' && taken.fields.open?.optional, false);
    const json = { type: 'object', properties: { open: { type: 'boolean', default: true } } };
    const [asked, had] = [typeOfJsonSchema(json, 'input'), typeOfJsonSchema(json, 'output')];
    assert.equal(asked.kind === 'object' && asked.fields.open?.optional, true);
    assert.equal(had.kind === 'object' && had.fields.open?.optional, false);
  });

  it('follows references, and takes what leads to itself as anything', () => {
    const json = {
      $ref: '#/$defs/tree',
      $defs: {
        tree: {
          type: 'object',
          properties: { next: { $ref: '#/$defs/tree' } },
          required: ['next'],
        },
      },
    };
    assert.deepEqual(typeOfJsonSchema(json, 'output'), objectOf({ next: dyn }));
  });

  it('merges what is all of several objects', () => {
    const part = (name: string) => ({
      type: 'object',
      properties: { [name]: { type: 'string' } },
      required: [name],
    });
    assert.deepEqual(
      typeOfJsonSchema({ allOf: [part('a'), part('b')] }, 'output'),
      objectOf({ a: string, b: string }),
    );
  });

  it('knows the rows of an entity', () => {
    const bill = defineEntity('lab_bill', {
      total: field.money(),
      memo: field.text(),
      due: field.optional(field.date()),
    });
    const { fields } = typeOfRow(bill) as { fields: Record<string, { type: unknown }> };
    assert.deepEqual(fields.total?.type, money);
    assert.deepEqual(fields.memo?.type, opaque);
    assert.deepEqual(fields.due?.type, unionOf([string, nothing]));
    assert.deepEqual(fields.id?.type, string);
  });

  it('survives any JSON as a schema', () => {
    for (const json of [
      {},
      { type: 7 },
      { enum: [] },
      { $ref: '#/no' },
      { anyOf: [null] },
    ] as const)
      assert.ok(nameOf(typeOfJsonSchema(json, 'input')));
  });
});

describe('what fits where', () => {
  const bill = objectOf({ id: string, total: money });

  it('takes whole numbers for numbers, decimals for text, and decimal text that is known', () => {
    assert.deepEqual(mismatches(int, { kind: 'double' }), []);
    assert.deepEqual(mismatches(decimal, string), []);
    assert.deepEqual(mismatches(oneOf('950.00'), decimal), []);
    assert.match(mismatches(string, decimal)[0]?.reason ?? '', /decimal\("950\.00"\)/);
  });

  it('names what is missing and what is not taken by its path', () => {
    const found = mismatches(listOf(objectOf({ id: int })), listOf({ ...bill, others: 'strict' }));
    assert.deepEqual(
      found.map(({ path, code, severity }) => [path, code, severity]),
      [
        ['[].id', 'type_mismatch', 'error'],
        ['[].total', 'missing_field', 'error'],
      ],
    );
    const more = mismatches(objectOf({ id: string, total: money, x: int }), {
      ...bill,
      others: 'strict',
    });
    assert.deepEqual(
      more.map(({ path, code }) => [path, code]),
      [['x', 'unknown_field']],
    );
  });

  it('passes opaque text on as opaque text only', () => {
    assert.deepEqual(mismatches(opaque, opaque), []);
    assert.equal(mismatches(opaque, string).length, 1);
  });

  it('takes an alternative where every one of them fits', () => {
    assert.deepEqual(mismatches(unionOf([int, nothing]), unionOf([nothing, int, string])), []);
    assert.equal(mismatches(unionOf([int, nothing]), int).length, 1);
    assert.deepEqual(mismatches(oneOf('a'), oneOf('a', 'b')), []);
    assert.equal(mismatches(oneOf('a', 'c'), oneOf('a', 'b')).length, 1);
  });

  it('guesses the name that was meant', () => {
    assert.equal(hint('statsu', ['status', 'total']), "; did you mean 'status'?");
    assert.equal(hint('zzz', ['status', 'total']), '; known are status, total');
  });
});
