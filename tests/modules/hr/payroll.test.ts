import assert from 'node:assert/strict';
import { runAgent } from 'tutti/testing';
import { payrollAnomaly } from '../../../modules/hr/agents/payroll-anomaly.ts';
import { verifies } from '../../support/verifies.ts';
import { aContract, anEmployee, aPayslip, aTimesheet, scopeWith } from './company.ts';

const euro = (amount: string) => ({ amount, currency: 'EUR' });

/** What is reported of a payslip by somebody who is paid 20 euro an hour and has worked 40 hours: kind and amount. */
async function reported(changes: object): Promise<readonly (readonly unknown[])[]> {
  const days = [22, 23, 24, 25, 26].map((day) => [`2026-06-${day}`, 480, '8'] as const);
  const scope = scopeWith({
    employee: [anEmployee()],
    employment_contract: [aContract()],
    timesheet: [aTimesheet(days)],
    payslip: [aPayslip({ hours: '40', gross: euro('800'), ...changes })],
  });
  const { findings } = await runAgent(payrollAnomaly, { ...scope, input: { department: 'd1' } });
  return findings.map(({ kind, amount }) => [kind, amount?.amount, amount?.currency]);
}

describe('a payslip by the hour', () => {
  it('is in order when it pays the hours of the timesheets at its rate, to half an hour', async () => {
    verifies('R3.erp-modules');
    for (const changes of [{}, { hours: '40.5', gross: euro('810') }, { gross: euro('790.00') }])
      assert.deepEqual(await reported(changes), []);
  });

  it('is held for other hours than were worked, by what they come to', async () => {
    const tooMany = { hours: '42', gross: euro('840') };

    assert.deepEqual(await reported(tooMany), [['payroll.hours', '40.00', 'EUR']]);
    // Nothing too much is paid, and still something is wrong.
    const said = { hours: '42', gross: euro('800') };
    assert.deepEqual(await reported(said), [['payroll.hours', '40.00', 'EUR']]);
  });

  it('is held for a gross pay that is not its rate times its hours', async () => {
    for (const [gross, amount] of [
      ['8000', '7200.00'],
      ['810.01', '10.01'],
      ['700', '100.00'],
    ] as const)
      assert.deepEqual(await reported({ gross: euro(gross) }), [['payroll.hours', amount, 'EUR']]);
  });

  it('is held whole when it pays in another currency than its rate', async () => {
    const dollars = { gross: { amount: '800', currency: 'USD' } };

    assert.deepEqual(await reported(dollars), [['payroll.hours', '800.00', 'USD']]);
  });
});

describe('a payslip by the month', () => {
  it('may pay a part of it', async () => {
    const half = { pay: 'monthly', rate: euro('20'), gross: euro('9') };

    assert.deepEqual(await reported(half), []);
  });
});
