import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import {
  assertOnlyProposals,
  assertUnitsReport,
  countOf,
  type Done,
  findsWhatIsPlanted,
  foundOf,
} from '../night.ts';
import { staged } from './night.ts';

describe('inventory in the sample company', () => {
  findsWhatIsPlanted(staged, [
    { seed: 1 },
    { seed: 7 },
    { seed: 1, renumber: true, shuffle: true },
    { seed: 7, renumber: true, shuffle: true, asOf: '2027-06-30' },
    { seed: 3, asOf: '2026-03-05' },
    { seed: 1, scale: 2 },
  ]);

  let night: readonly Done[];

  before(async () => {
    night = await staged.night(staged.company({ seed: 1 }));
  });

  it('reads records in every step with a handful of calls and reports each unit in figures', () => {
    const units = night.slice(0, -1);
    assert.equal(units.length, 8 + 60 + 8 + 4);
    for (const { agent, recordsRead } of units)
      assert.ok(recordsRead >= 1, `${agent} reads nothing`);
    assertUnitsReport(units, 12);
    const summary = night.at(-1)?.output as { flagged: number; exposure: { currency: string } };
    assert.equal(summary.flagged, units.flatMap((each) => each.findings).length);
    assert.equal(summary.exposure.currency, 'EUR');
  });

  it('proposes something for every finding that has a remedy and executes nothing', () => {
    verifies('R12.autonomy');
    assertOnlyProposals(staged.module, night);
    assert.equal(countOf(night, 'inventory.claim.draft'), foundOf(night, 'receipt.'));
    assert.equal(
      countOf(night, 'inventory.request.draft'),
      foundOf(night, 'reorder.below_minimum'),
    );
    assert.equal(countOf(night, 'inventory.variance.draft'), foundOf(night, 'valuation.ledger'));
    assert.ok(countOf(night, 'inventory.count.plan') >= 8);
  });

  it('makes a ledger in which every entry balances', () => {
    const { rows } = staged.company({ seed: 7 });

    const entries = rows.get('journal_entry') ?? [];
    assert.ok(entries.length > 0);
    for (const entry of entries) {
      const lines = entry.lines as readonly { debit: string; credit: string; account: string }[];
      const cents = (side: 'debit' | 'credit') =>
        lines.reduce((sum, line) => sum + Math.round(Number(line[side]) * 100), 0);
      assert.equal(cents('debit'), cents('credit'), `entry ${entry.number}`);
      assert.ok(lines.every((line) => line.account !== ''));
    }
  });

  it('leaves every supplier an order that came in full in the open month', () => {
    const { rows, asOf } = staged.company({ seed: 7 });

    const recent = new Set(
      rows
        .get('goods_receipt')
        ?.filter((receipt) => String(receipt.date).startsWith(asOf.slice(0, 7)))
        .map((receipt) => receipt.order),
    );
    const whole = (rows.get('purchase_order') ?? []).filter((order) => {
      const lines = order.lines as readonly { quantity: string; received: string }[];
      return (
        recent.has(order.id) &&
        order.status === 'received' &&
        lines.every((line) => line.quantity === line.received)
      );
    });
    const suppliers = (rows.get('party') ?? []).filter((party) => party.supplier);
    assert.equal(new Set(whole.map((order) => order.vendor)).size, suppliers.length);
  });
});
