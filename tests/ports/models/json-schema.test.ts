import assert from 'node:assert/strict';
import { z } from 'zod';
import { Decimal, Money } from '../../../core/base/money.ts';
import { Text } from '../../../core/base/text.ts';
import {
  anthropicDialect,
  openaiDialect,
  toJsonSchema,
  toStrictSchema,
} from '../../../core/ports/models/json-schema.ts';
import { Id } from '../../../core/sdk/entity.ts';
import { verifies } from '../../support/verifies.ts';

const strict = (schema: z.ZodType, dialect = openaiDialect) =>
  toStrictSchema(toJsonSchema(schema, 'input'), dialect);

describe('toJsonSchema', () => {
  it('shows ids, money and decimals as plain JSON', () => {
    verifies('R5.declare-tool');
    const schema = toJsonSchema(
      z.object({ bill: Id('bill' as never), total: Money, rate: Decimal }),
      'input',
    );

    const decimal = { type: 'string', pattern: '^-?\\d+(\\.\\d+)?$' };
    assert.deepEqual(schema.properties, {
      bill: { type: 'string', minLength: 1, maxLength: 200, description: 'id of a bill' },
      total: {
        type: 'object',
        properties: { amount: decimal, currency: { type: 'string', pattern: '^[A-Z]{3}$' } },
        required: ['amount', 'currency'],
      },
      rate: decimal,
    });
  });

  it('refuses what JSON cannot hold', () => {
    const schema = z.object({ memo: z.instanceof(Text) });

    assert.throws(
      () => toJsonSchema(schema, 'input'),
      (error: Error & { code?: string }) => error.code === 'MODULE_INVALID',
    );
  });
});

describe('toStrictSchema', () => {
  it('closes every object and moves what cannot be enforced into words', () => {
    const schema = strict(z.object({ lines: z.array(z.object({ sku: z.string().max(20) })) }));

    assert.deepEqual(schema, {
      type: 'object',
      properties: {
        lines: {
          type: 'array',
          items: {
            type: 'object',
            properties: { sku: { type: 'string', description: 'maxLength 20' } },
            required: ['sku'],
            additionalProperties: false,
          },
        },
      },
      required: ['lines'],
      additionalProperties: false,
    });
  });

  it('keeps unions of variants as alternatives', () => {
    const variant = z.discriminatedUnion('kind', [
      z.object({ kind: z.literal('a') }),
      z.object({ kind: z.literal('b'), note: z.string().nullable() }),
    ]);

    const schema = strict(z.object({ variant }));

    assert.match(JSON.stringify(schema), /"variant":\{"anyOf":\[\{.*\},\{.*\}\]\}/);
  });

  it('gives up where nothing could enforce the schema', () => {
    assert.equal(strict(z.object({ map: z.record(z.string(), z.string()) })), undefined);
    assert.equal(strict(z.object({ any: z.unknown() })), undefined);
    assert.equal(strict(z.object({ pair: z.tuple([z.string(), z.string()]) })), undefined);
    assert.equal(strict(z.string()), undefined);
  });

  const foreign: Readonly<Record<string, object>> = {
    'an object of any members': { type: 'object', description: 'Conditions by field.' },
    'an object that may be left out': {
      type: ['object', 'null'],
      properties: { code: { type: 'string' } },
      required: ['code'],
    },
    'a list that may be left out': { type: ['array', 'null'], items: { type: 'string' } },
    'members beside alternatives': {
      type: 'object',
      properties: { code: { type: 'string' } },
      required: ['code'],
      anyOf: [{ type: 'object', properties: {}, required: [] }],
    },
  };
  for (const [what, schema] of Object.entries(foreign)) {
    it(`leaves out no part of what others have written: ${what}`, () => {
      const parameters = { type: 'object', properties: { it: schema }, required: ['it'] };

      assert.equal(toStrictSchema(parameters, openaiDialect), undefined);
      assert.equal(toStrictSchema(parameters, anthropicDialect), undefined);
    });
  }

  it('closes an object without members where it says that it has none', () => {
    const none = { type: 'object', properties: {}, additionalProperties: false };
    const it = { type: 'object', additionalProperties: false };
    const empty = { ...none, required: [] };

    assert.deepEqual(toStrictSchema({ type: 'object' }, openaiDialect), empty);
    assert.deepEqual(
      toStrictSchema({ type: 'object', properties: { it }, required: ['it'] }, openaiDialect),
      { ...none, properties: { it: empty }, required: ['it'] },
    );
  });

  it('takes optional properties only where the provider does', () => {
    const schema = z.object({ note: z.string().optional() });

    assert.equal(strict(schema), undefined);
    assert.deepEqual(strict(schema, anthropicDialect)?.required, []);
  });
});
