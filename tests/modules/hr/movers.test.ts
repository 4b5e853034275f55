import assert from 'node:assert/strict';
import { runAgent, type TestScope } from 'tutti/testing';
import type { AnyAgent } from '../../../core/sdk/agent.ts';
import { documentExpiryWatch } from '../../../modules/hr/agents/document-expiry-watch.ts';
import { payrollAnomaly } from '../../../modules/hr/agents/payroll-anomaly.ts';
import { timesheetExceptions } from '../../../modules/hr/agents/timesheet-exceptions.ts';
import { proposeQuery } from '../../../modules/hr/tools/propose-query.ts';
import { proposeReminder } from '../../../modules/hr/tools/propose-reminder.ts';
import {
  aContract,
  anEmployee,
  aPayslip,
  aPermit,
  applied,
  aTimesheet,
  rows,
  scopeWith,
} from './company.ts';

/** Somebody who went from department d1, which all records name, to d2. */
const moved = { employee: [anEmployee({ department: 'd2' })] };

/** What an agent reports of a department: kind and records. */
async function reported(agent: AnyAgent, department: string, scope: TestScope): Promise<string[]> {
  const { findings } = await runAgent(agent, { ...scope, input: { department } });
  return findings.map(({ kind, records }) => `${kind} ${records.map(({ id }) => id).join(' ')}`);
}

describe('hours of somebody who moved to another department', () => {
  const longDay = aTimesheet([['2026-06-22', 0, '25']]);

  it('are looked at once, in the department where the employee is now', async () => {
    const scope = scopeWith({ ...moved, timesheet: [longDay] });

    assert.deepEqual(await reported(timesheetExceptions, 'd1', scope), []);
    const found = await reported(timesheetExceptions, 'd2', scope);

    assert.ok(found.includes('timesheet.impossible_day t1'), String(found));
  });

  it('are compared with the schedule of the department in which they were worked', async () => {
    const schedule = { employee: 'e1', shift: 'day', startMinute: 480 };
    const scope = scopeWith({
      ...moved,
      work_schedule: [
        { id: 's0', ...schedule, department: 'd2', dailyHours: '12' },
        { id: 's1', ...schedule, department: 'd1', dailyHours: '8' },
      ],
      labour_rule: [{ id: 'r1', company: 'MCG-DE', dailyMaximum: '8' }],
      timesheet: [aTimesheet([['2026-06-22', 480, '9']])],
    });

    const found = await reported(timesheetExceptions, 'd2', scope);

    assert.ok(found.includes('timesheet.over_maximum t1'), String(found));
  });

  it('count as filed: a week that names the other department is not missing', async () => {
    const weeks = ['2026-05-25', '2026-06-01', '2026-06-08', '2026-06-15', '2026-06-22'];
    const scope = scopeWith({
      ...moved,
      timesheet: weeks.map((week, index) => aTimesheet([], { id: `t${index}`, week })),
    });

    assert.deepEqual(await reported(timesheetExceptions, 'd2', scope), []);
  });

  it('are asked about once, though the question names the department before', async () => {
    const before = scopeWith({ timesheet: [longDay] });
    const question = { employee: 'e1', week: '2026-06-22', reason: 'impossible_day' };
    await applied(proposeQuery, question, before);
    const asked = await rows(before, 'timesheet_query');
    const scope = scopeWith({ ...moved, timesheet: [longDay], timesheet_query: asked });

    const { effects } = await runAgent(timesheetExceptions, {
      ...scope,
      input: { department: 'd2' },
    });

    const reasons = effects.map(({ args }) => (args as { readonly reason: string }).reason);
    assert.equal(reasons.includes('impossible_day'), false);
    assert.notEqual(effects.length, 0);
  });
});

describe('pay of somebody who moved to another department', () => {
  const week = (id: string, monday: string): object =>
    aTimesheet([[monday, 480, '40']], { id, number: id, week: monday });
  const june = ['2026-06-01', '2026-06-08', '2026-06-15', '2026-06-22'];
  const worked = june.map((monday, index) => week(`t${index}`, monday));
  const slip = aPayslip({ department: 'd2' });

  it('is compared with the contract and the hours that name the department before', async () => {
    const scope = scopeWith({
      ...moved,
      employment_contract: [aContract()],
      timesheet: worked,
      payslip: [slip],
    });

    assert.deepEqual(await reported(payrollAnomaly, 'd2', scope), []);
  });

  it('is compared with what the department before has paid', async () => {
    const scope = scopeWith({
      ...moved,
      employment_contract: [aContract()],
      timesheet: worked,
      payslip: [
        aPayslip({ id: 'p0', number: 'PS0', period: '2026-05', status: 'posted' }),
        aPayslip({ department: 'd2', rate: { amount: '30', currency: 'EUR' } }),
      ],
    });

    assert.deepEqual(await reported(payrollAnomaly, 'd2', scope), ['payroll.rate_jump p1']);
  });

  it('has nothing to do with what another company of the group agreed and paid', async () => {
    const abroad = { company: 'MCG-UK' };
    const pounds = { rate: { amount: '10', currency: 'GBP' } };
    const scope = scopeWith({
      ...moved,
      employment_contract: [
        aContract(),
        aContract({ id: 'k2', ...abroad, ...pounds, from: '2026-01-01', to: '2026-06-10' }),
      ],
      timesheet: [...worked, aTimesheet([['2026-06-01', 480, '8']], { id: 't9', ...abroad })],
      payslip: [
        aPayslip({ id: 'p0', ...abroad, ...pounds, period: '2026-05', status: 'posted' }),
        aPayslip({ id: 'p8', number: 'PS0', ...abroad, ...pounds, status: 'posted' }),
        slip,
      ],
    });

    assert.deepEqual(await reported(payrollAnomaly, 'd2', scope), []);
  });
});

describe('a second payslip for a month', () => {
  const contract = { employment_contract: [aContract()] };
  const monthly = { pay: 'monthly' };
  const second = aPayslip({ ...monthly, id: 'p2', number: 'PS2', department: 'd2' });

  it('is found in another department than the first one, and only there', async () => {
    const scope = scopeWith({ ...contract, payslip: [aPayslip(monthly), second] });

    assert.deepEqual(await reported(payrollAnomaly, 'd1', scope), []);
    assert.deepEqual(await reported(payrollAnomaly, 'd2', scope), ['payroll.double p1 p2']);
  });

  it('is found beside one that is posted, whatever their numbers', async () => {
    const posted = aPayslip({ ...monthly, id: 'p9', number: 'PS9', status: 'posted' });
    const scope = scopeWith({ ...contract, payslip: [posted, second] });

    assert.deepEqual(await reported(payrollAnomaly, 'd2', scope), ['payroll.double p9 p2']);
  });

  it('is none beside a correction, one on hold, or one of another month', async () => {
    const others = [
      { id: 'p5', number: 'PS0', kind: 'correction' },
      { id: 'p6', number: 'PS0', status: 'held' },
      { id: 'p7', number: 'PS0', status: 'posted', period: '2026-05' },
    ];
    const payslip = [...others.map((each) => aPayslip({ ...monthly, ...each })), second];

    const found = await reported(payrollAnomaly, 'd2', scopeWith({ ...contract, payslip }));

    assert.deepEqual(found, []);
  });
});

describe('papers of somebody who moved to another department', () => {
  it('are looked at where the employee is now, with the reminder that was drafted before', async () => {
    const before = scopeWith({ permit: [aPermit()] });
    await applied(proposeReminder, { permit: 'm1' }, before);
    const permit_reminder = await rows(before, 'permit_reminder');
    const scope = scopeWith({ ...moved, permit: [aPermit()], permit_reminder });

    assert.deepEqual(await reported(documentExpiryWatch, 'd1', scope), []);
    const { findings, effects } = await runAgent(documentExpiryWatch, {
      ...scope,
      input: { department: 'd2' },
    });

    assert.deepEqual(
      findings.map(({ kind }) => kind),
      ['document.expiring'],
    );
    assert.deepEqual(effects, []);
  });
});
