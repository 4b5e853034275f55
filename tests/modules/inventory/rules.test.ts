import assert from 'node:assert/strict';
import { Money, type Row, Text } from 'tutti';
import {
  compareDelivery,
  type DeliveryFault,
  faultValue,
} from '../../../modules/inventory/delivery.ts';
import { nextWorkday } from '../../../modules/inventory/workday.ts';

const today = '2026-06-30';

function anOrder(of: Partial<Row<'purchase_order'>> = {}): Row<'purchase_order'> {
  return {
    id: '1',
    version: '1',
    number: 'PO-1',
    company: 'MCG-DE',
    vendor: '7',
    buyer: '8',
    department: '9',
    date: '2026-06-01',
    expectedOn: '2026-06-20',
    status: 'received',
    matching: 'three_way',
    memo: new Text(''),
    total: Money.of('1000', 'EUR'),
    lines: [
      { id: 'L1', product: '5', quantity: '100', price: Money.of('10', 'EUR'), received: '0' },
    ],
    ...of,
  };
}

function aReceipt(accepted: string, rejected = '0', id = 'r1'): Row<'goods_receipt'> {
  return {
    id,
    version: '1',
    number: id,
    company: 'MCG-DE',
    vendor: '7',
    order: '1',
    warehouse: '3',
    date: '2026-06-20',
    lines: [{ orderLine: 'L1', product: '5', accepted, rejected }],
  };
}

function worthOf(
  reason: DeliveryFault,
  receipts: readonly Row<'goods_receipt'>[],
  order: Partial<Row<'purchase_order'>> = {},
): string | null {
  const delivery = compareDelivery(anOrder(order), receipts, today);
  return faultValue(delivery, { reason, receipt: 'r1', today })?.amount ?? null;
}

describe('delivery', () => {
  it('accepts five percent too little or too much, and nothing beyond', () => {
    assert.equal(worthOf('short', [aReceipt('95')]), null);
    assert.equal(worthOf('short', [aReceipt('94')]), '60');
    assert.equal(worthOf('over', [aReceipt('105')]), null);
    assert.equal(worthOf('over', [aReceipt('106')]), '60');
  });

  it('does not round a difference down to the tolerance', () => {
    const lines = anOrder().lines.map((line) => ({ ...line, quantity: '100000' }));

    assert.equal(worthOf('over', [aReceipt('105000')], { lines }), null);
    assert.equal(worthOf('over', [aReceipt('105001')], { lines }), '50010');
    assert.equal(worthOf('short', [aReceipt('94999')], { lines }), '50010');
  });

  it('takes what comes for a line that was set to nothing for too much', () => {
    const lines = anOrder().lines.map((line) => ({ ...line, quantity: '0' }));

    assert.equal(worthOf('over', [aReceipt('6')], { lines }), '60');
    assert.equal(worthOf('over', [aReceipt('0')], { lines }), null);
    assert.equal(worthOf('short', [aReceipt('0')], { lines }), null);
  });

  it('waits for the rest of a delivery up to its expected day', () => {
    const partly = [aReceipt('40')];

    assert.equal(worthOf('short', partly, { status: 'open', expectedOn: today }), null);
    assert.equal(worthOf('short', partly, { status: 'open', expectedOn: '2026-06-29' }), '600');
    assert.equal(worthOf('short', partly, { status: 'closed' }), null);
  });

  it('charges rejected goods once, and not when they were replaced', () => {
    assert.equal(worthOf('rejected', [aReceipt('90', '10')]), '100');
    assert.equal(worthOf('short', [aReceipt('90', '10')]), null);
    assert.equal(worthOf('rejected', [aReceipt('90', '10'), aReceipt('10', '0', 'r2')]), null);
  });

  it('misses what neither came nor was rejected, beside what was rejected', () => {
    assert.equal(worthOf('short', [aReceipt('10', '1')]), '890');
    assert.equal(worthOf('rejected', [aReceipt('10', '1')]), '10');
    assert.equal(worthOf('short', [aReceipt('85', '10')]), null);
    assert.equal(worthOf('short', [aReceipt('65', '20'), aReceipt('20', '0', 'r2')]), null);
  });

  it('takes goods for a cancelled or unreleased order as unordered and nothing else', () => {
    for (const status of ['cancelled', 'draft'] as const) {
      assert.equal(worthOf('unordered', [aReceipt('120')], { status }), '1200.00');
      assert.equal(worthOf('over', [aReceipt('120')], { status }), null);
    }
    assert.equal(worthOf('unordered', [aReceipt('100')]), null);
  });
});

describe('the next workday', () => {
  it('is no Saturday and no Sunday', () => {
    assert.equal(nextWorkday('2026-07-03'), '2026-07-06');
    assert.equal(nextWorkday('2026-07-06'), '2026-07-07');
  });
});
