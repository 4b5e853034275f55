import assert from 'node:assert/strict';
import { readText, Text } from 'tutti';
import { verifies } from '../../support/verifies.ts';
import {
  assertOnlyProposals,
  assertUnitsReport,
  countOf,
  type Done,
  findsWhatIsPlanted,
} from '../night.ts';
import { staged } from './night.ts';

describe('hr in the sample company', () => {
  findsWhatIsPlanted(staged, [
    { seed: 1 },
    { seed: 7 },
    { seed: 1, renumber: true, shuffle: true },
    { seed: 7, renumber: true, shuffle: true, asOf: '2027-06-30' },
    { seed: 3, asOf: '2026-03-15' },
    { seed: 1, scale: 2 },
  ]);

  const made = staged.company({ seed: 1 });
  let night: readonly Done[];

  before(async () => {
    night = await staged.night(made);
  });

  it('reads records in every step and reports each unit in figures', () => {
    for (const { agent, recordsRead } of night)
      assert.ok(recordsRead >= 1, `${agent} reads nothing`);
    assertUnitsReport(night.slice(0, -1), 40);
    const summary = night.at(-1)?.output as { flagged: number; exposure: { currency: string } };
    assert.equal(summary.flagged, night.flatMap((each) => each.findings).length);
    assert.equal(summary.exposure.currency, 'EUR');
  });

  it('proposes a hold for each wrong payslip, an accrual for each company without one, and executes nothing', () => {
    verifies('R12.autonomy');
    const wrong = made.truth.filter((each) => each.agent === 'hr.payroll_anomaly');
    const regular = night
      .flatMap((each) => each.effects)
      .filter(({ tool }) => tool === 'hr.accrual.propose')
      .filter(({ args }) => (args as { kind: string }).kind === 'regular');

    assertOnlyProposals(staged.module, night);
    assert.equal(countOf(night, 'hr.payslip.hold'), wrong.length);
    assert.equal(regular.length, 3);
  });

  it('names nobody: summaries and evidence hold no free text of any record', () => {
    const names = (made.rows.get('employee') ?? []).map(({ name }) => readText(name as Text));

    const told = JSON.stringify(night.flatMap((each) => each.findings));

    assert.ok(names.length > 400);
    assert.deepEqual(
      names.filter((name) => told.includes(name)),
      [],
    );
  });

  it('has texts that give orders to a machine in records that are in order and in planted ones', () => {
    verifies('R12.untrusted-text');
    const planted = new Set(made.truth.flatMap((each) => each.records.map(({ id }) => id)));
    const ordering = ['timesheet', 'leave', 'payslip', 'permit'].flatMap((entity) =>
      (made.rows.get(entity) ?? []).filter((row) =>
        [row.memo, row.note].some(
          (text) =>
            text instanceof Text && /SYSTEM|ignore|assistant|automated/i.test(readText(text)),
        ),
      ),
    );

    assert.ok(ordering.some(({ id }) => planted.has(id)));
    assert.ok(ordering.some(({ id }) => !planted.has(id)));
  });

  it('keeps wages payable equal to the posted accruals in a ledger that balances', () => {
    const { rows } = staged.company({ seed: 7 });
    const cents = (amount: string): number => Math.round(Number(amount) * 100);
    const balances = new Map<string, number>();
    for (const entry of rows.get('journal_entry') ?? []) {
      const lines = entry.lines as readonly { account: string; debit: string; credit: string }[];
      const sum = lines.reduce((total, line) => total + cents(line.debit) - cents(line.credit), 0);
      assert.equal(sum, 0, `entry ${entry.number}`);
      for (const line of lines) {
        const change = cents(line.credit) - cents(line.debit);
        balances.set(line.account, (balances.get(line.account) ?? 0) + change);
      }
    }

    for (const { id, company } of (rows.get('account') ?? []).filter(isPayroll)) {
      const posted = (rows.get('payroll_accrual') ?? [])
        .filter((accrual) => accrual.company === company && accrual.status === 'posted')
        .map((accrual) => cents((accrual.total as { amount: string }).amount));
      assert.ok(posted.length >= 6);
      assert.equal(
        balances.get(id),
        posted.reduce((sum, each) => sum + each, 0),
      );
    }
  });
});

function isPayroll(account: Readonly<Record<string, unknown>>): boolean {
  return account.control === 'payroll';
}
