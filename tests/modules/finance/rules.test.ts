import assert from 'node:assert/strict';
import { Money } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
import { pairStatement } from '../../../modules/finance/bank-pairing.ts';
import { mayRepeat, stemOf } from '../../../modules/finance/bill-number.ts';
import { nightSummary } from '../../../modules/finance/index.ts';
import { allowedDifference } from '../../../modules/finance/tolerance.ts';

const eur = (amount: string) => Money.of(amount, 'EUR');

describe('bill numbers', () => {
  it('read the same number through separators, prefixes, suffixes and look-alike letters', () => {
    for (const other of [
      'INV1042 ',
      'inv-1042',
      '1042-A',
      'INV-1O42',
      'INV-I042',
      'INVOICE 01042',
    ]) {
      assert.ok(mayRepeat(stemOf('INV-1042'), stemOf(other)), other);
    }
  });

  it('are read in whatever script they are written', () => {
    assert.ok(mayRepeat(stemOf('INV-１０４２'), stemOf('inv 1042')));
    assert.ok(mayRepeat(stemOf('Счёт № 1042'), stemOf('счёт №1042')));
    for (const [one, other] of [
      ['家賃２０２６０５', '家賃２０２６０６'],
      ['Аренда май', 'Аренда июнь'],
      ['—', '***'],
    ] as const) {
      assert.ok(!mayRepeat(stemOf(one), stemOf(other)), `${one} and ${other}`);
    }
  });

  it('keep months, neighbours and instalments apart', () => {
    for (const [one, other] of [
      ['RENT-2026-05', 'RENT-2026-06'],
      ['INV-1042', 'INV-1043'],
      ['INV-1042-A', 'INV-1042-B'],
      ['INV-100', 'INV-1000'],
    ] as const) {
      assert.ok(!mayRepeat(stemOf(one), stemOf(other)), `${one} and ${other}`);
    }
  });
});

describe('pairing a statement', () => {
  const lineOf = (id: string, amount: string, reference: string | null = 'R100') =>
    ({ id, date: '2026-06-10', kind: 'transfer', amount: eur(amount), reference }) as const;
  const receiptOf = (id: string, amount: string, reconciled = false) => ({
    ...{ id, number: id, date: '2026-06-09', purpose: 'receivable', reference: 'R100' },
    ...{ amount: eur(amount), reconciled },
  });

  it('pairs what is paid in parts under one reference by the amount, in whatever order', () => {
    const { pairs, exceptions } = pairStatement(
      [lineOf('l1', '40'), lineOf('l2', '60')],
      [receiptOf('p1', '60'), receiptOf('p2', '40')],
    );

    assert.deepEqual(
      pairs.map(({ line, payment }) => [line.id, payment.id]),
      [
        ['l1', 'p2'],
        ['l2', 'p1'],
      ],
    );
    assert.deepEqual(exceptions, []);
  });

  it('takes a part that came twice for a duplicate, also where another part is still awaited', () => {
    const { pairs, exceptions } = pairStatement(
      [lineOf('l1', '40'), lineOf('l2', '40'), lineOf('l3', '60')],
      [receiptOf('p1', '60'), receiptOf('p2', '40')],
    );

    assert.deepEqual(
      pairs.map(({ line }) => line.id),
      ['l1', 'l3'],
    );
    assert.deepEqual(
      exceptions.map(({ kind, line, payment }) => [kind, line.id, payment?.id]),
      [['duplicate', 'l2', 'p2']],
    );
  });
});

describe('pairing what quotes one reference', () => {
  it('pairs equal amounts before it takes another amount for a payment, in whatever order they come', () => {
    const line = (id: string, amount: string) => {
      const transfer = { id, date: '2026-06-10', kind: 'transfer', reference: 'R100' } as const;
      return { ...transfer, amount: eur(amount) };
    };
    const receipt = (id: string, amount: string) => ({
      ...{ id, number: id, date: '2026-06-09', purpose: 'receivable', reference: 'R100' },
      ...{ amount: eur(amount), reconciled: false },
    });

    const { pairs, exceptions } = pairStatement(
      [line('l1', '70'), line('l2', '100')],
      [receipt('p1', '100')],
    );

    assert.deepEqual(
      pairs.map(({ line: own, payment }) => [own.id, payment.id]),
      [['l2', 'p1']],
    );
    assert.deepEqual(
      exceptions.map(({ kind, line: own }) => [kind, own.id]),
      [['unmatched', 'l1']],
    );
  });
});

describe('the tolerance', () => {
  const tolerance = { amount: eur('25'), percent: '2' };

  it('is the smaller of amount and percentage', () => {
    assert.equal(allowedDifference('100', tolerance), '2');
    assert.equal(allowedDifference('100000', tolerance), '25');
  });

  it('is zero for a company without limits', () => {
    assert.equal(allowedDifference('100', undefined), '0');
  });
});

describe('finance.night_summary', () => {
  const rates = ['EUR 1', 'USD 0.92'].map((each, index) => {
    const [currency, rate] = each.split(' ');
    return { id: String(index), version: '1', currency, rate, date: '2026-06-30' };
  });
  const run = (items: readonly object[]) =>
    runAgent(nightSummary, {
      module: 'finance',
      connector: fixtureConnector([], new Map([['exchange_rate', rates]])),
      today: '2026-06-30',
      input: { items, missing: 1 },
    });

  it("adds up in the group's currency at the day's rates", async () => {
    const { output } = await run([
      { checked: 4, flagged: 1, exposure: [eur('10.10'), Money.of('100', 'USD')] },
      { checked: 2, flagged: 0, exposure: [] },
    ]);

    assert.deepEqual(output, { checked: 6, flagged: 1, missing: 1, exposure: eur('102.10') });
  });

  it('reads rates also when there is nothing to add', async () => {
    const { output, recordsRead } = await run([]);

    assert.deepEqual(output, { checked: 0, flagged: 0, missing: 1, exposure: eur('0.00') });
    assert.ok(recordsRead > 0);
  });

  it('fails rather than leave out an amount without a rate', async () => {
    await assert.rejects(
      run([{ checked: 1, flagged: 1, exposure: [Money.of('5', 'PLN')] }]),
      (error: { code?: string }) => error.code === 'INPUT_INVALID',
    );
  });
});
