import assert from 'node:assert/strict';
import { Big } from 'big.js';
import fc from 'fast-check';
import { Decimal } from '../../../core/base/money.ts';
import { parseExpression } from '../../../core/engine/graph/expression.ts';
import {
  decimal,
  double,
  listOf,
  money,
  objectOf,
  string,
} from '../../../core/engine/graph/types.ts';
import { verifies } from '../../support/verifies.ts';

const types = {
  input: objectOf({
    a: decimal,
    b: decimal,
    price: money,
    cap: money,
    rate: double,
    list: listOf(money),
    name: string,
  }),
};

function evaluate(cel: string, input: object, typed = true): unknown {
  return parseExpression({ cel }, 'lab.node.when', typed ? types : undefined)({ input } as never);
}

const text = fc
  .tuple(fc.boolean(), fc.bigInt({ min: 0n, max: 10n ** 20n }), fc.stringMatching(/^\d{0,12}$/))
  .map(([minus, whole, rest]) => `${minus ? '-' : ''}${whole}${rest ? `.${rest}` : ''}`);

describe('decimals in expressions', () => {
  it('compare as numbers where they are declared, as text where they are not', () => {
    verifies('R1.condition');
    const input = { a: '950.00', b: '1000.00' };
    assert.equal(evaluate('input.a > input.b', input), false);
    assert.equal(evaluate('input.a > input.b', input, false), true);
    assert.equal(evaluate('input.a == input.b', { a: '1.50', b: '1.5' }), true);
    assert.equal(evaluate('input.a >= decimal("950")', input), true);
    assert.equal(evaluate('decimal(input.a) > decimal(input.b)', input, false), false);
    assert.equal(evaluate('input.a > 900', input), true);
    assert.equal(
      evaluate('input.list.exists(m, m.amount > input.a)', {
        a: '950.00',
        list: [{ amount: '1000.00', currency: 'EUR' }],
      }),
      true,
    );
  });

  it('compare and compute as big.js does, whatever the digits', () => {
    fc.assert(
      fc.property(text, text, (a, b) => {
        const input = { a, b };
        const order = Big(a).cmp(b);
        assert.equal(evaluate('input.a < input.b', input), order < 0);
        assert.equal(evaluate('input.a <= input.b', input), order <= 0);
        assert.equal(evaluate('input.a > input.b', input), order > 0);
        assert.equal(evaluate('input.a >= input.b', input), order >= 0);
        assert.equal(evaluate('input.a == input.b', input), order === 0);
        assert.equal(evaluate('input.a != input.b', input), order !== 0);
        assert.equal(evaluate('input.a + input.b', input), Big(a).plus(b).toFixed());
        assert.equal(evaluate('input.a - input.b', input), Big(a).minus(b).toFixed());
        assert.equal(evaluate('input.a * input.b', input), Big(a).times(b).toFixed());
        if (!Big(b).eq(0)) assert.equal(evaluate('input.a / input.b', input), Decimal.over(a, b));
      }),
      { numRuns: 300 },
    );
  });

  it('keep their digits where nobody computes with them', () => {
    const input = { a: '950.00', b: '1', price: { amount: '1.10', currency: 'EUR' } };
    assert.equal(evaluate('input.a', input), '950.00');
    assert.equal(evaluate('true ? input.a : input.b', input), '950.00');
    assert.deepEqual(evaluate('[input.price]', input), [{ amount: '1.10', currency: 'EUR' }]);
    assert.equal(evaluate('string(input.a) + " EUR"', input), '950.00 EUR');
  });

  it('are refused where they meet text or fractions', () => {
    const input = { a: '950.00', b: '1', rate: 1.5, name: '950.00' };
    for (const cel of ['input.a > input.name', 'input.a > "900"', 'input.a * input.rate'])
      assert.throws(() => evaluate(cel, input), { code: 'EXPRESSION_INVALID' }, cel);
    assert.throws(() => evaluate('decimal("1e3") > input.a', input), /is no decimal/);
  });
});

describe('money in expressions', () => {
  const input = {
    price: { amount: '950.00', currency: 'EUR' },
    cap: { amount: '1000.00', currency: 'EUR' },
  };

  it('compares and adds amounts of one currency', () => {
    assert.equal(evaluate('input.price < input.cap', input), true);
    assert.equal(evaluate('input.price == money("950", "EUR")', input), true);
    assert.deepEqual(evaluate('input.price + input.cap * 2', input), {
      amount: '2950',
      currency: 'EUR',
    });
    assert.equal(evaluate('input.price.amount > decimal("900")', input), true);
  });

  it('faults where two currencies meet', () => {
    const mixed = { ...input, cap: { amount: '1000.00', currency: 'USD' } };
    for (const operator of ['<', '>=', '==', '!=', '+', '-'])
      assert.throws(
        () => evaluate(`input.price ${operator} input.cap`, mixed),
        /Cannot combine EUR with USD/,
        operator,
      );
  });
});
