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

describe('finance in the sample company', () => {
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

  it('reads records in every step and reports each unit in figures', () => {
    const units = night.slice(0, -1);
    assert.equal(units.length, 160 + 160 + 24 + 4);
    assertUnitsReport(units, 30);
    const summary = night.at(-1)?.output as { flagged: number; exposure: { currency: string } };
    assert.equal(summary.flagged, units.flatMap((each) => each.findings).length);
    assert.equal(summary.exposure.currency, 'EUR');
  });

  it('proposes a hold for what can still be held and executes nothing', () => {
    verifies('R12.autonomy');
    assertOnlyProposals(staged.module, night);
    assert.equal(
      countOf(night, 'finance.hold.place'),
      foundOf(night, 'match.', 'duplicate.unpaid'),
    );
    assert.equal(countOf(night, 'finance.bank_fee.park'), foundOf(night, 'bank.fee'));
    assert.equal(
      countOf(night, 'finance.correction.park'),
      foundOf(night, 'subledger.manual', 'subledger.unposted'),
    );
  });

  it('makes a ledger in which every entry balances', () => {
    const { rows } = staged.company({ seed: 7 });

    for (const entry of rows.get('journal_entry') ?? []) {
      const lines = entry.lines as readonly { debit: string; credit: string; account: string }[];
      const cents = (side: 'debit' | 'credit') =>
        lines.reduce((sum, line) => sum + Math.round(Number(line[side]) * 100), 0);
      assert.equal(cents('debit'), cents('credit'), `entry ${entry.number}`);
      assert.ok(lines.every((line) => line.account !== ''));
    }
  });
});
