import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isEngineError } from '../../core/base/errors.ts';
import { Decimal, Money } from '../../core/base/money.ts';

/** A decimal as text with up to 12 digits before and 8 behind the point. */
const aDecimal = fc
  .tuple(fc.bigInt({ min: -(10n ** 20n), max: 10n ** 20n }), fc.integer({ min: 0, max: 8 }))
  .map(([digits, places]) => decimalText(digits, places));
const anAmount = aDecimal.map((amount) => Money.of(amount, 'EUR'));
const amounts = fc.array(anAmount, { maxLength: 12 });

describe('decimals', () => {
  it('add, subtract and multiply without losing a digit', () => {
    fc.assert(
      fc.property(aDecimal, aDecimal, (a, b) => {
        assert.equal(units(Decimal.plus(a, b), 16), units(a, 16) + units(b, 16));
        assert.equal(units(Decimal.minus(a, b), 16), units(a, 16) - units(b, 16));
        assert.equal(units(Decimal.times(a, b), 16) * 10n ** 16n, units(a, 16) * units(b, 16));
      }),
    );
  });

  it('come out in the form in which they go in: no exponent, no minus before zero', () => {
    fc.assert(
      fc.property(aDecimal, aDecimal, fc.integer({ min: 0, max: 4 }), (a, b, places) => {
        const results = [
          ...[Decimal.plus(a, b), Decimal.minus(a, a), Decimal.times(a, '0'), Decimal.abs(a)],
          ...[Decimal.round(a, places), Decimal.sum([a, b])],
          ...(Decimal.isZero(b) ? [] : [Decimal.over(a, b)]),
        ];
        for (const each of results) {
          assert.ok(Decimal.safeParse(each).success, each);
          assert.doesNotMatch(each, /^-0(\.0*)?$/);
        }
      }),
    );
  });

  it('compare by value, whatever zeros stand behind the point', () => {
    fc.assert(
      fc.property(aDecimal, aDecimal, (a, b) => {
        const difference = units(a, 8) - units(b, 8);
        assert.equal(Decimal.compare(a, b), difference > 0n ? 1 : difference < 0n ? -1 : 0);
        assert.equal(Decimal.isAbove(a, b), difference > 0n);
      }),
    );
    assert.equal(Decimal.compare('1.50', '1.5'), 0);
    assert.equal(Decimal.isAbove('1.50', '1.5'), false);
    assert.equal(Decimal.isZero('0.00'), true);
  });

  it('round half away from zero, on both sides', () => {
    assert.deepEqual(
      ['2.345', '-2.345', '2.3449', '1.005', '0.5'].map((each) => Decimal.round(each, 2)),
      ['2.35', '-2.35', '2.34', '1.01', '0.50'],
    );
  });

  it('round to no further than half a unit of the last place', () => {
    fc.assert(
      fc.property(aDecimal, fc.integer({ min: 0, max: 7 }), (a, places) => {
        const distance = units(Decimal.abs(Decimal.minus(a, Decimal.round(a, places))), 8);
        assert.ok(distance * 2n <= 10n ** BigInt(8 - places));
      }),
    );
  });

  it('divide to ten places', () => {
    assert.equal(Decimal.over('1', '3'), '0.3333333333');
    assert.equal(Decimal.over('2', '3'), '0.6666666667');
    assert.equal(Decimal.over('-2', '3', 2), '-0.67');
  });

  it('are no numbers in any other notation', () => {
    for (const text of ['1e3', '.5', '5.', '+1', '1,5', 'NaN', 'Infinity', '', ' 1', '1 ', '0x1']) {
      assert.equal(Decimal.safeParse(text).success, false, text);
    }
    assert.equal(Decimal.safeParse(1.5).success, false);
  });
});

describe('money', () => {
  it('adds up to the same in any order and grouping', () => {
    fc.assert(
      fc.property(amounts, amounts, (left, right) => {
        const whole = Money.sum('EUR', [...left, ...right]);
        const parts = Money.plus(Money.sum('EUR', right), Money.sum('EUR', left));
        assert.ok(Money.equals(whole, parts));
      }),
    );
  });

  it('gives back what was taken away', () => {
    fc.assert(
      fc.property(anAmount, anAmount, (a, b) => {
        assert.ok(Money.equals(Money.plus(Money.minus(a, b), b), a));
        assert.ok(Money.isZero(Money.plus(a, Money.negate(a))));
        assert.equal(Money.compare(a, b), -Money.compare(b, a) + 0);
      }),
    );
  });

  it('has one zero: no result is written with a minus before it', () => {
    for (const zero of [Money.negate(Money.zero('EUR')), Money.round(Money.of('-0.001', 'EUR'))]) {
      assert.ok(Money.isZero(zero));
      assert.doesNotMatch(zero.amount, /^-/);
    }
  });

  it('refuses to combine or compare two currencies', () => {
    const euro = Money.of('1', 'EUR');
    const zloty = Money.of('1', 'PLN');
    const refused = [
      () => Money.plus(euro, zloty),
      () => Money.minus(euro, zloty),
      () => Money.compare(euro, zloty),
      () => Money.isAbove(euro, zloty),
      () => Money.sum('EUR', [zloty]),
    ];
    for (const combine of refused) {
      assert.throws(combine, (error) => isEngineError(error) && error.code === 'INPUT_INVALID');
    }
    assert.equal(Money.equals(euro, zloty), false);
  });

  it('adds up a mixed list to one sum a currency, in the order of the alphabet', () => {
    const aMoney = fc.tuple(aDecimal, fc.constantFrom('USD', 'EUR', 'PLN'));
    fc.assert(
      fc.property(fc.array(aMoney, { maxLength: 12 }), (list) => {
        const values = list.map(([amount, currency]) => Money.of(amount, currency));
        const currencies = [...new Set(list.map(([, currency]) => currency))].sort();
        const expected = currencies.map((currency) => {
          const own = list.filter((each) => each[1] === currency).map(([amount]) => amount);
          return Money.of(Decimal.sum(own), currency);
        });
        assert.deepEqual(Money.sumByCurrency(values), expected);
      }),
    );
  });

  it('converts without rounding, so that a sum is worth what its parts are', () => {
    assert.deepEqual(Money.convert(Money.of('0.01', 'PLN'), '0.235', 'EUR'), {
      amount: '0.00235',
      currency: 'EUR',
    });
    fc.assert(
      fc.property(amounts, aDecimal, (values, rate) => {
        const whole = Money.convert(Money.sum('EUR', values), rate, 'USD');
        const parts = values.map((value) => Money.convert(value, rate, 'USD'));
        assert.ok(Money.equals(whole, Money.sum('USD', parts)));
      }),
    );
  });

  it('adds up a mixed list in one currency, and never leaves out one without a rate', () => {
    const mixed = [Money.of('10.10', 'EUR'), Money.of('100', 'USD'), Money.of('-50', 'USD')];

    assert.deepEqual(Money.sumIn('EUR', mixed, { USD: '0.92' }), Money.of('56.1', 'EUR'));
    assert.deepEqual(Money.sumIn('EUR', [], {}), Money.zero('EUR'));
    assert.throws(
      () => Money.sumIn('EUR', mixed, { EUR: '1', PLN: '0.23' }),
      (error) => isEngineError(error) && error.code === 'INPUT_INVALID',
    );
  });

  it('rounds to the smallest unit of its currency, unless places are given', () => {
    const rounded = (amount: string, currency: string, places?: number) =>
      Money.round(Money.of(amount, currency), places).amount;

    assert.deepEqual(
      ['EUR', 'JPY', 'KWD', 'CLF'].map((currency) => rounded('10.12345', currency)),
      ['10.12', '10', '10.123', '10.1235'],
    );
    assert.equal(rounded('10.12345', 'JPY', 4), '10.1235');
  });

  it('leaves its operands alone', () => {
    const a = Object.freeze(Money.of('1.10', 'EUR'));
    assert.deepEqual(Money.times(a, '3'), { amount: '3.3', currency: 'EUR' });
    assert.deepEqual(Money.round(Money.times(a, '1.5')), { amount: '1.65', currency: 'EUR' });
    assert.deepEqual(a, { amount: '1.10', currency: 'EUR' });
  });

  it('is decimal text and three capital letters', () => {
    assert.equal(Money.safeParse({ amount: '-12.50', currency: 'EUR' }).success, true);
    for (const wrong of [
      { amount: 12.5, currency: 'EUR' },
      { amount: '12.50', currency: 'eur' },
      { amount: '12.50', currency: 'EURO' },
      { amount: '12.50' },
    ]) {
      assert.equal(Money.safeParse(wrong).success, false, JSON.stringify(wrong));
    }
  });
});

function decimalText(digits: bigint, places: number): string {
  const sign = digits < 0n ? '-' : '';
  const text = String(digits < 0n ? -digits : digits).padStart(places + 1, '0');
  return places === 0
    ? `${sign}${text}`
    : `${sign}${text.slice(0, -places)}.${text.slice(-places)}`;
}

/** A decimal as a whole number of its `places`-th place. */
function units(decimal: string, places: number): bigint {
  const [whole = '0', fraction = ''] = decimal.replace('-', '').split('.');
  const value = BigInt(whole + fraction.padEnd(places, '0').slice(0, places));
  assert.match(fraction.slice(places), /^0*$/);
  return decimal.startsWith('-') ? -value : value;
}
