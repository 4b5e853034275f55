import assert from 'node:assert/strict';
import fc from 'fast-check';
import { parseCel, parseExpression } from '../../../core/engine/graph/expression.ts';
import { infer } from '../../../core/engine/graph/infer.ts';
import { noFacts } from '../../../core/engine/graph/narrow.ts';
import {
  bool,
  decimal,
  double,
  type FieldType,
  int,
  listOf,
  mapOf,
  money,
  nothing,
  type ObjectType,
  objectOf,
  oneOf,
  string,
  unionOf,
  type ValueType,
} from '../../../core/engine/graph/types.ts';
import { chances } from '../../support/chances.ts';
import { verifies } from '../../support/verifies.ts';

const decimalText = fc
  .tuple(fc.integer({ min: -9999, max: 9999 }), fc.nat(999))
  .map(([whole, rest]) => `${whole}.${rest}`);

/** Any value of a type. */
function valuesOf(type: ValueType): fc.Arbitrary<unknown> {
  switch (type.kind) {
    case 'int':
      return fc.integer({ min: -100, max: 100 });
    case 'double':
      return fc.oneof(fc.integer({ min: -9, max: 9 }), fc.constantFrom(0.5, -2.25, 1.75));
    case 'decimal':
      return decimalText;
    case 'money':
      return decimalText.map((amount) => ({ amount, currency: 'EUR' }));
    case 'string':
      return type.values ? fc.constantFrom(...type.values) : fc.constantFrom('', 'a', 'Nord', '7');
    case 'bool':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'list':
      return fc.array(valuesOf(type.of), { maxLength: 3 });
    case 'map':
      return fc.dictionary(fc.constantFrom('a', 'b'), valuesOf(type.of), { maxKeys: 2 });
    case 'object':
      return objectValue(type);
    case 'union':
      return fc.oneof(...type.of.map(valuesOf));
    default:
      throw new Error(`no values of ${type.kind}`);
  }
}

function objectValue({ fields }: ObjectType): fc.Arbitrary<unknown> {
  const needed = Object.entries(fields).flatMap(([name, field]) => (field.optional ? [] : [name]));
  const values = Object.entries(fields).map(([name, { type }]) => [name, valuesOf(type)]);
  return fc.record(Object.fromEntries(values), {
    requiredKeys: needed as never[],
    noNullPrototype: true,
  });
}

const scalars = [int, double, decimal, money, string, oneOf('open', 'held'), bool] as const;
const field: fc.Arbitrary<FieldType> = fc.record({
  type: fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom<ValueType>(...scalars) },
    fc.constantFrom<ValueType>(...scalars).map((type) => unionOf([type, nothing])),
    fc.constantFrom<ValueType>(...scalars).map(listOf),
    fc.constantFrom<ValueType>(...scalars).map(mapOf),
    fc.constant(listOf(objectOf({ id: string, total: money, open: bool }))),
    fc.constant(
      unionOf([
        objectOf({ kind: oneOf('applied'), result: int }),
        objectOf({ kind: oneOf('proposed'), effect: string }),
      ]),
    ),
  ),
  optional: fc.boolean(),
});
const names = ['a', 'b', 'c', 'd'] as const;
const scopeType = fc.tuple(field, field, field, field).map(
  (fields): ObjectType => ({
    kind: 'object',
    fields: Object.fromEntries(names.map((name, at) => [name, fields[at] as FieldType])),
    others: 'closed',
  }),
);

const leaf = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom(...names.map((name) => `input.${name}`)) },
  fc.constantFrom('1', '2.5', '"a"', '"held"', 'true', 'null', '[]', 'decimal("1.50")'),
  fc.constantFrom('money("2", "EUR")', 'x', 'x.total', 'x.id', 'input.a.kind', 'input.b.amount'),
);
const operators = ['+', '-', '*', '/', '%', '<', '<=', '>', '>=', '==', '!=', 'in', '&&', '||'];

const { expression } = fc.letrec<{ expression: string }>((tie) => ({
  expression: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    leaf,
    fc
      .tuple(tie('expression'), fc.constantFrom(...operators), tie('expression'))
      .map(([left, operator, right]) => `(${left} ${operator} ${right})`),
    fc
      .tuple(tie('expression'), tie('expression'), tie('expression'))
      .map(([asked, then, otherwise]) => `(${asked} ? ${then} : ${otherwise})`),
    fc.tuple(fc.constantFrom('!', '-'), tie('expression')).map(([sign, of]) => `${sign}(${of})`),
    fc
      .tuple(fc.constantFrom(...names), tie('expression'), tie('expression'))
      .map(([name, then, or]) => `(input.${name} != null ? ${then} : ${or})`),
    fc
      .tuple(fc.constantFrom(...names), tie('expression'), tie('expression'))
      .map(([name, then, or]) => `(has(input.${name}) ? ${then} : ${or})`),
    fc
      .tuple(
        tie('expression'),
        fc.constantFrom('all', 'exists', 'exists_one', 'map', 'filter'),
        tie('expression'),
      )
      .map(([list, macro, body]) => `(${list}).${macro}(x, ${body})`),
    fc
      .tuple(fc.constantFrom('size', 'string', 'int', 'decimal', 'double'), tie('expression'))
      .map(([name, of]) => `${name}(${of})`),
    fc
      .tuple(fc.constantFrom('contains', 'startsWith'), tie('expression'), tie('expression'))
      .map(([name, of, other]) => `(${of}).${name}(${other})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `[${a}, ${b}]`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `concat(${a}, ${b})`),
    fc.tuple(tie('expression'), tie('expression')).map(([a, b]) => `(${a})[${b}]`),
    fc
      .tuple(fc.constantFrom(...names), tie('expression'))
      .map(([name, or]) => `input.?${name}.orValue(${or})`),
  ),
}));

/** What fails for a value, not for its type: absent members, bounds, conversions, division by zero, what JSON has no number for. */
const ofValues = new Set([
  'no_such_key',
  'index_out_of_bounds',
  'division_by_zero',
  'modulo_by_zero',
  'numeric_overflow',
  'int_conversion_error',
  'double_conversion_error',
]);

function isOfValue(error: unknown): boolean {
  const { cause, message } = error as Error & { cause?: { code?: string; message?: string } };
  if (cause === undefined) return message.endsWith('in this run.');
  if (cause?.code !== undefined && ofValues.has(cause.code)) return true;
  return /is no decimal|^it gives |by zero/.test(String(cause?.message));
}

describe('type soundness', () => {
  it('lets no expression that passes the check fail for its types', () => {
    verifies('R1.condition');
    let accepted = 0;
    const tried = chances(10_000);
    const sample = fc
      .tuple(scopeType, expression)
      .chain(([type, cel]) => fc.tuple(fc.constant(type), fc.constant(cel), valuesOf(type)));
    fc.assert(
      fc.property(sample, ([type, cel, input]) => {
        const types = { input: type };
        const faults: string[] = [];
        try {
          const report = ({ message, severity }: { message: string; severity: string }): void => {
            if (severity === 'error') faults.push(message);
          };
          const { ast } = parseCel(cel, 'lab');
          infer(ast, { types, facts: noFacts, report, refer: () => {} });
        } catch {
          return;
        }
        if (faults.length > 0) return;
        accepted++;
        try {
          parseExpression({ cel }, 'lab', types)({ input } as never);
        } catch (error) {
          if (!isOfValue(error))
            throw new Error(`${cel} over ${JSON.stringify([types, input])}`, { cause: error });
        }
      }),
      tried,
    );
    if (tried.path === undefined)
      assert.ok(accepted > tried.numRuns / 20, `${accepted} expressions passed the check`);
  });
});
