import assert from 'node:assert/strict';
import { Decimal, Money } from 'tutti';
import { compareBill, type MatchFacts } from '../../../modules/finance/match.ts';
import { verifies } from '../../support/verifies.ts';

const eur = (amount: string) => Money.of(amount, 'EUR');
const line = (quantity: string, orderLine = 'a', price = '10') => ({
  orderLine,
  quantity,
  price: eur(price),
});

const sumOf = (lines: MatchFacts['bill']['lines']) =>
  Decimal.sum(lines.map(({ quantity, price }) => Decimal.times(quantity, price.amount)));

/** A bill with the given lines over an order of 100 pieces at 10 EUR, all of which have come. */
function facts(
  lines: MatchFacts['bill']['lines'],
  billed: { readonly bill: string; readonly quantity: string }[] = [],
  order: Partial<NonNullable<MatchFacts['order']>> = {},
): MatchFacts {
  return {
    bill: { id: 'b1', total: eur(sumOf(lines)), lines },
    order: {
      id: 'o1',
      status: 'open',
      matching: 'three_way',
      lines: [
        { id: 'a', quantity: '100', price: eur('10') },
        { id: 'b', quantity: '100', price: eur('10') },
      ],
      billed: billed.map((each) => ({ ...each, orderLine: 'a' })),
      ...order,
    },
    receipts: ['a', 'b'].map((orderLine) => ({ order: 'o1', orderLine, accepted: '100' })),
    tolerance: { amount: eur('50'), percent: '2' },
  };
}

const found = (of: MatchFacts) =>
  compareBill(of).map(({ kind, amount, lines }) => [kind, amount.amount, lines]);

describe('matching a bill', () => {
  it('finds what is charged twice on one bill', () => {
    verifies('R3.erp-modules');
    assert.deepEqual(found(facts([line('100'), line('100')])), [['quantity', '1000.00', 1]]);
    assert.deepEqual(found(facts([line('60'), line('30'), line('60')])), [
      ['quantity', '500.00', 1],
    ]);
  });

  it('takes parts of a line that add up to it, and other lines, for what they are', () => {
    assert.deepEqual(found(facts([line('60'), line('40'), line('100', 'b')])), []);
    // A part that is taken back on the same bill is charged no more.
    assert.deepEqual(found(facts([line('100'), line('-40'), line('40')])), []);
  });

  it('counts what other bills charge and its own lines together', () => {
    assert.deepEqual(found(facts([line('60')], [{ bill: 'b2', quantity: '30' }])), []);
    assert.deepEqual(found(facts([line('40'), line('40')], [{ bill: 'b2', quantity: '30' }])), [
      ['quantity', '100.00', 1],
    ]);
  });

  it('takes no price for agreed that is one in another currency', () => {
    const dollars = { ...line('100'), price: Money.of('10', 'USD') };

    assert.deepEqual(found(facts([dollars])), [['price', '1000.00', 1]]);
  });

  it('holds what was never ordered, and lets through what names no line of an order beside one that does', () => {
    const stranger = [{ ...line('100'), orderLine: 'x' }];
    const free = [{ ...line('100'), orderLine: null }];

    assert.deepEqual(found(facts(stranger)), [['receipt', '1000.00', 1]]);
    assert.deepEqual(found({ ...facts([line('100')]), order: undefined }), [
      ['receipt', '1000.00', 1],
    ]);
    assert.deepEqual(found(facts([...free, line('100')])), []);
  });

  it('holds a bill that names an order and none of its lines, unless it credits', () => {
    const free = (quantity: string) => [{ ...line(quantity), orderLine: null }];

    assert.deepEqual(found(facts(free('100'))), [['receipt', '1000.00', 1]]);
    assert.deepEqual(found({ ...facts(free('100')), order: undefined }), [
      ['receipt', '1000.00', 1],
    ]);
    assert.deepEqual(found(facts(free('-100'))), []);
  });

  it('holds what is charged for an order that is not in force', () => {
    for (const status of ['cancelled', 'draft'] as const) {
      const charged = facts([line('100')], [], { matching: 'two_way', status });
      assert.deepEqual(found(charged), [['quantity', '1000.00', 1]], status);
    }
    assert.deepEqual(found(facts([line('100')], [], { matching: 'two_way' })), []);
  });

  it('lets a credit through of which nothing has been received', () => {
    assert.deepEqual(found({ ...facts([line('-10')]), receipts: [] }), []);
    assert.deepEqual(found({ ...facts([line('10')]), receipts: [] }), [['receipt', '100.00', 1]]);
  });

  it('allows the tolerance once for an order line, in however many parts it is charged', () => {
    assert.deepEqual(found(facts([line('50'), line('52')])), []);
    assert.deepEqual(found(facts([line('50'), line('50'), line('2.5')])), [
      ['quantity', '25.00', 1],
    ]);
  });

  it('holds a total that is not what the lines add up to, in either direction', () => {
    const tax = { ...line('1', 'a', '190'), orderLine: null };
    const over = (total: string, ...more: (typeof tax)[]) => {
      const of = facts([line('100'), ...more]);
      return found({ ...of, bill: { ...of.bill, total: eur(total) } });
    };

    assert.deepEqual(over('1190'), [['price', '190.00', 1]]);
    assert.deepEqual(over('900'), [['price', '100.00', 1]]);
    assert.deepEqual(over('1190', tax), []);
    // Two per cent of 1,000 EUR are the lower of the two limits, and in order.
    assert.deepEqual([over('1020'), over('1020.01')], [[], [['price', '20.01', 1]]]);
  });

  it('takes fractions of a cent for rounding, also where nothing may differ', () => {
    const of = facts([line('3', 'a', '10.0049')], [], {
      lines: [{ id: 'a', quantity: '100', price: eur('10.0049') }],
    });
    const exact = { ...of, tolerance: undefined };

    assert.deepEqual(found({ ...exact, bill: { ...of.bill, total: eur('30.01') } }), []);
    assert.deepEqual(found({ ...exact, bill: { ...of.bill, total: eur('30.02') } }), [
      ['price', '0.01', 1],
    ]);
  });

  it('rounds to the smallest unit of the currency, where that is no hundredth', () => {
    const bought = (currency: string, price: string, total: string) => {
      const charged = { ...line('1.5'), price: Money.of(price, currency) };
      const of = facts([charged], [], {
        lines: [{ id: 'a', quantity: '100', price: charged.price }],
      });
      const bill = { ...of.bill, total: Money.of(total, currency) };
      return found({ ...of, bill, tolerance: undefined });
    };

    assert.deepEqual(bought('JPY', '823', '1235'), []);
    assert.deepEqual(bought('JPY', '823', '1236'), [['price', '1', 1]]);
    assert.deepEqual(bought('KWD', '6.75', '10.125'), []);
    assert.deepEqual(bought('KWD', '6.75', '10.130'), [['price', '0.005', 1]]);
  });
});
