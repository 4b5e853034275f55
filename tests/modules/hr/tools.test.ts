import assert from 'node:assert/strict';
import { Text } from 'tutti';
import { runTool, type TestScope } from 'tutti/testing';
import type { AnyTool } from '../../../core/sdk/tool.ts';
import { holdPayslip } from '../../../modules/hr/tools/hold-payslip.ts';
import { listPermits } from '../../../modules/hr/tools/list-permits.ts';
import { listTimesheets } from '../../../modules/hr/tools/list-timesheets.ts';
import { proposeAccrual } from '../../../modules/hr/tools/propose-accrual.ts';
import { proposeQuery } from '../../../modules/hr/tools/propose-query.ts';
import { proposeReminder } from '../../../modules/hr/tools/propose-reminder.ts';
import { totalPayroll } from '../../../modules/hr/tools/total-payroll.ts';
import { anAccrual, aPayslip, aPermit, aTimesheet, scopeWith } from './company.ts';

describe('hr.payslip.hold', () => {
  const args = { payslip: 'p1', expect: '1', reason: 'hours' };

  it('takes a draft payslip out of the payroll, and release brings it back', async () => {
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

  it('refuses a week that is not named by its Monday', async () => {
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

  it('refuses a second regular accrual of a month', async () => {
    const scope = scopeWith({ payslip: [may], payroll_accrual: [anAccrual('3200')] });
    const args = { ...correction, kind: 'regular', total: euro('3200') };

    assert.equal(await failure(proposeAccrual, args, scope), 'ERP_REJECTED');
  });
});

describe('hr.timesheet.list', () => {
  const only = async (lines: Parameters<typeof aTimesheet>[0], more: object = {}) => {
    const scope = scopeWith({ timesheet: [aTimesheet(lines)], ...more });
    const { timesheets } = await value<Timesheets>(listTimesheets, { department: 'd1' }, scope);
    return timesheets[0];
  };

  it('counts a night shift to the day on which it starts, without an overlap', async () => {
    const sheet = await only([
      ['2026-06-22', 1_320, '8'],
      ['2026-06-23', 1_320, '8'],
    ]);

    assert.deepEqual(sheet?.deviations, []);
    assert.equal(sheet?.overlaps, false);
  });

  it('sees a line that begins a quarter of an hour before another ends', async () => {
    const sheet = await only([
      ['2026-06-22', 480, '4'],
      ['2026-06-22', 705, '4'],
    ]);

    assert.equal(sheet?.overlaps, true);
  });

  it('shows long days, holidays and days of approved leave only', async () => {
    const leave = { id: 'l1', number: 'LV1', employee: 'e1', department: 'd1', company: 'MCG-DE' };
    const absence = { ...leave, kind: 'annual', from: '2026-06-24', to: '2026-06-24' };
    const sheet = await only(
      [
        ['2026-06-22', 480, '8'],
        ['2026-06-23', 480, '8.25'],
        ['2026-06-24', 480, '8'],
        ['2026-06-25', 480, '8'],
        ['2026-06-26', 480, '8'],
      ],
      {
        leave: [
          { ...absence, status: 'approved', note: new Text('') },
          {
            ...absence,
            id: 'l2',
            from: '2026-06-22',
            to: '2026-06-22',
            status: 'refused',
            note: new Text(''),
          },
        ],
        public_holiday: [{ id: 'h1', company: 'MCG-DE', date: '2026-06-25' }],
      },
    );

    assert.deepEqual(
      sheet?.deviations.map(({ date, holiday, leave: during }) => [date, holiday, during]),
      [
        ['2026-06-23', false, null],
        ['2026-06-24', false, 'l1'],
        ['2026-06-25', true, null],
      ],
    );
  });
});

describe('hr.permit.list', () => {
  it('counts the last valid day as no day left, and sees a renewal', async () => {
    const scope = scopeWith({
      permit: [
        aPermit({ expiresOn: '2026-06-30' }),
        aPermit({ id: 'm2', number: 'PM2', expiresOn: '2028-06-30' }),
      ],
    });

    const { permits } = await value<Permits>(listPermits, { department: 'd1' }, scope);

    assert.deepEqual(
      permits.map(({ id, daysLeft, renewal }) => [id, daysLeft, renewal]),
      [['m1', 0, 'm2']],
    );
  });
});

describe('hr.payroll.total', () => {
  it('leaves held payslips and other months out', async () => {
    const scope = scopeWith({
      payslip: [
        aPayslip(),
        aPayslip({ id: 'p2', status: 'held' }),
        aPayslip({ id: 'p3', period: '2026-05', status: 'posted' }),
      ],
    });

    const total = await value<object>(totalPayroll, { company: 'MCG-DE', month: 'open' }, scope);

    assert.deepEqual(total, {
      period: '2026-06',
      currency: 'EUR',
      departments: [{ department: 'd1', payslips: 1, gross: '3200', tolerance: '50' }],
      total: '3200',
    });
  });

  it('refuses a company that does not exist', async () => {
    const args = { company: 'MCG-XX', month: 'open' };

    assert.equal(await failure(totalPayroll, args, scopeWith({})), 'RECORD_UNKNOWN');
  });
});

interface Timesheets {
  readonly timesheets: readonly {
    readonly overlaps: boolean;
    readonly deviations: readonly {
      readonly date: string;
      readonly holiday: boolean;
      readonly leave: string | null;
    }[];
  }[];
}

interface Permits {
  readonly permits: readonly {
    readonly id: string;
    readonly daysLeft: number;
    readonly renewal: string | null;
  }[];
}

/** The result of an effect that was carried out. */
async function applied<R>(tool: AnyTool, args: object, scope: TestScope): Promise<R> {
  const invoked = await runTool(tool, args, scope);
  assert.equal(invoked.kind, 'effected', JSON.stringify(invoked));
  assert.ok(invoked.kind === 'effected' && invoked.value.kind === 'applied');
  return invoked.value.result as R;
}

/** The result of a read. */
async function value<R>(tool: AnyTool, args: object, scope: TestScope): Promise<R> {
  const invoked = await runTool(tool, args, scope);
  assert.ok(invoked.kind === 'result', JSON.stringify(invoked));
  return invoked.value as R;
}

/** The error code of a call that fails. */
async function failure(tool: AnyTool, args: object, scope: TestScope): Promise<string> {
  const invoked = await runTool(tool, args, scope);
  assert.ok(invoked.kind === 'error', JSON.stringify(invoked));
  return invoked.error.code;
}

async function rows(scope: TestScope, entity: string) {
  return (await scope.connector.query({ entity, limit: 100 })).rows;
}
