import assert from 'node:assert/strict';
import { Money } from 'tutti';
import { fixtureConnector, runAgent } from 'tutti/testing';
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
