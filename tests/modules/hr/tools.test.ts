import assert from 'node:assert/strict';
import { holdPayslip } from '../../../modules/hr/tools/hold-payslip.ts';
import { proposeAccrual } from '../../../modules/hr/tools/propose-accrual.ts';
import { proposeQuery } from '../../../modules/hr/tools/propose-query.ts';
import { proposeReminder } from '../../../modules/hr/tools/propose-reminder.ts';
import { verifies } from '../../support/verifies.ts';
import { handle, repeat } from '../interrupted.ts';
import { anAccrual, aPayslip, aPermit, applied, failure, rows, scopeWith } from './company.ts';

const twoCalls = ['a', 'b'].map((letter) => letter.repeat(64));

describe('hr.payslip.hold', () => {
  const args = { payslip: 'p1', expect: '1', reason: 'hours' };

  it('takes a draft payslip out of the payroll, and release brings it back', async () => {
    verifies('R8.undo');
    const scope = scopeWith({ payslip: [aPayslip()] });

    const held = await applied<{ version: string }>(holdPayslip, args, scope);

    assert.equal(held.version, '2');
    assert.equal((await rows(scope, 'payslip'))[0]?.status, 'held');
    const release = {
      entity: 'payslip',
      op: 'act',
      id: 'p1',
      action: 'release',
      data: {},
    } as const;
    assert.equal((await scope.connector.apply(release, { key: 'undo' })).kind, 'applied');
    assert.equal((await rows(scope, 'payslip'))[0]?.status, 'draft');
  });

  it('refuses a payslip that is posted', async () => {
    const scope = scopeWith({ payslip: [aPayslip({ status: 'posted' })] });

    assert.equal(await failure(holdPayslip, args, scope), 'ERP_REJECTED');
    assert.equal((await rows(scope, 'payslip'))[0]?.status, 'posted');
  });

  it('leaves a payslip alone that changed since it was read', async () => {
    const scope = scopeWith({ payslip: [aPayslip({ version: '3' })] });

    assert.equal(await failure(holdPayslip, args, scope), 'ERP_CONFLICT');
    assert.equal((await rows(scope, 'payslip'))[0]?.status, 'draft');
  });
});

describe('hr.query.propose', () => {
  const args = { employee: 'e1', week: '2026-06-22', reason: 'overlap' };

  it('drafts a question for the department of the employee', async () => {
    const scope = scopeWith({});

    await applied(proposeQuery, args, scope);

    const [query] = await rows(scope, 'timesheet_query');
    assert.deepEqual(
      [query?.status, query?.department, query?.week, query?.reason],
      ['draft', 'd1', '2026-06-22', 'overlap'],
    );
  });

  it('drafts no second question about the same week and reason', async () => {
    const scope = scopeWith({});

    const first = await applied<{ id: string }>(proposeQuery, args, scope);
    const second = await applied<{ id: string }>(proposeQuery, args, scope);

    assert.equal(second.id, first.id);
    assert.equal((await rows(scope, 'timesheet_query')).length, 1);
  });

  it('drafts one question for two who ask at the same moment', async () => {
    const scope = scopeWith({});

    await Promise.all(twoCalls.map((key) => handle(proposeQuery, args, { ...scope, key })));

    assert.equal((await rows(scope, 'timesheet_query')).length, 1);
  });

  it('refuses a week that is not named by its Monday', async () => {
    verifies('R5.tool-invalid');
    const code = await failure(proposeQuery, { ...args, week: '2026-06-24' }, scopeWith({}));

    assert.equal(code, 'TOOL_INPUT_INVALID');
  });
});

describe('hr.reminder.propose', () => {
  it('drafts one reminder, due on the last valid day', async () => {
    const scope = scopeWith({ permit: [aPermit()] });

    await applied(proposeReminder, { permit: 'm1' }, scope);
    await applied(proposeReminder, { permit: 'm1' }, scope);

    const reminders = await rows(scope, 'permit_reminder');
    assert.deepEqual(
      reminders.map(({ dueOn, status }) => [dueOn, status]),
      [['2026-07-07', 'draft']],
    );
  });

  it('drafts one for two who ask at the same moment', async () => {
    const scope = scopeWith({ permit: [aPermit()] });
    const calls = twoCalls.map((key) =>
      handle(proposeReminder, { permit: 'm1' }, { ...scope, key }),
    );

    await Promise.all(calls);

    assert.equal((await rows(scope, 'permit_reminder')).length, 1);
  });

  it('is due today when the permit has expired', async () => {
    const scope = scopeWith({ permit: [aPermit({ expiresOn: '2026-05-01' })] });

    await applied(proposeReminder, { permit: 'm1' }, scope);

    assert.equal((await rows(scope, 'permit_reminder'))[0]?.dueOn, '2026-06-30');
  });
});

describe('hr.accrual.propose', () => {
  const june = { company: 'MCG-DE', period: '2026-06', kind: 'regular' };
  const correction = { company: 'MCG-DE', period: '2026-05', kind: 'correction' };
  const may = aPayslip({ id: 'p2', number: 'PS2', period: '2026-05', status: 'posted' });
  const euro = (amount: string) => ({ amount, currency: 'EUR' });

  it('drafts what the payslips add up to, by department', async () => {
    const scope = scopeWith({
      payslip: [aPayslip(), aPayslip({ id: 'p3', gross: euro('100.50') })],
    });

    await applied(proposeAccrual, { ...june, total: euro('3300.5') }, scope);

    const [accrual] = await rows(scope, 'payroll_accrual');
    assert.equal(accrual?.status, 'draft');
    assert.deepEqual(accrual?.lines, [{ department: 'd1', amount: '3300.5' }]);
  });

  it('refuses a total that is not what the payslips add up to', async () => {
    const scope = scopeWith({ payslip: [aPayslip()] });

    const code = await failure(proposeAccrual, { ...june, total: euro('9999') }, scope);

    assert.equal(code, 'ERP_CONFLICT');
    assert.deepEqual(await rows(scope, 'payroll_accrual'), []);
  });

  it('corrects a posted accrual by the difference', async () => {
    const scope = scopeWith({ payslip: [may], payroll_accrual: [anAccrual('4000')] });

    await applied(proposeAccrual, { ...correction, total: euro('-800') }, scope);

    const drafts = (await rows(scope, 'payroll_accrual')).filter((row) => row.status === 'draft');
    assert.deepEqual(
      drafts.map(({ kind, lines }) => [kind, lines]),
      [['correction', [{ department: 'd1', amount: '-800' }]]],
    );
  });

  it('drafts one regular accrual of a month for two who ask at the same moment, and refuses the other', async () => {
    const scope = scopeWith({ payslip: [aPayslip()] });
    const args = { ...june, total: euro('3200') };
    const calls = twoCalls.map((key) => handle(proposeAccrual, args, { ...scope, key }));

    const ends = await Promise.allSettled(calls);

    assert.deepEqual(ends.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected']);
    assert.equal((await rows(scope, 'payroll_accrual')).length, 1);
  });

  it('meets its own draft when it is repeated after a crash', async () => {
    verifies('R8.crash');
    const scope = scopeWith({ payslip: [aPayslip()] });

    await repeat(proposeAccrual, { ...june, total: euro('3200') }, scope);

    assert.equal((await rows(scope, 'payroll_accrual')).length, 1);
  });

  it('refuses a second regular accrual of a month', async () => {
    const scope = scopeWith({ payslip: [may], payroll_accrual: [anAccrual('3200')] });
    const args = { ...correction, kind: 'regular', total: euro('3200') };

    assert.equal(await failure(proposeAccrual, args, scope), 'ERP_REJECTED');
  });
});
