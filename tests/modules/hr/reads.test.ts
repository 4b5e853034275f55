import assert from 'node:assert/strict';
import { runAgent } from 'tutti/testing';
import { timesheetExceptions } from '../../../modules/hr/agents/timesheet-exceptions.ts';
import { listPermits } from '../../../modules/hr/tools/list-permits.ts';
import { listSchedules } from '../../../modules/hr/tools/list-schedules.ts';
import { listTimesheets } from '../../../modules/hr/tools/list-timesheets.ts';
import { totalPayroll } from '../../../modules/hr/tools/total-payroll.ts';
import { verifies } from '../../support/verifies.ts';
import { aLeave, aPayslip, aPermit, aTimesheet, failure, scopeWith, value } from './company.ts';

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
          aLeave({ from: '2026-06-24', to: '2026-06-24' }),
          aLeave({ id: 'l2', status: 'refused' }),
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

describe('the daily maximum', () => {
  const found = async (dailyHours: string, hours: string) => {
    const schedule = { id: 's1', employee: 'e1', department: 'd1', shift: 'day', startMinute: 480 };
    const scope = scopeWith({
      work_schedule: [{ ...schedule, dailyHours }],
      timesheet: [aTimesheet([['2026-06-22', 480, hours]])],
    });
    const { findings } = await runAgent(timesheetExceptions, {
      ...scope,
      input: { department: 'd1' },
    });
    return findings.map(({ kind }) => kind).filter((kind) => kind !== 'timesheet.missing');
  };

  it('holds for who is scheduled for longer', async () => {
    assert.deepEqual(await found('12', '11'), ['timesheet.over_maximum']);
    assert.deepEqual(await found('12', '10'), []);
  });

  it('and not the schedule says what needs an approval', async () => {
    assert.deepEqual(await found('8', '10'), []);
    assert.deepEqual(await found('8', '10.25'), ['timesheet.over_maximum']);
  });
});

describe('hr.schedule.list', () => {
  const holidayOn = (date: string, company = 'MCG-DE') => ({ id: date, company, date });
  const owed = async (more: Parameters<typeof scopeWith>[0]) => {
    const args = { department: 'd1' };
    const { employees } = await value<Schedules>(listSchedules, args, scopeWith(more));
    return employees[0]?.owedWeeks.slice(-2);
  };

  it('owes nothing for a week of leave and public holidays', async () => {
    const leave = [aLeave({ from: '2026-06-22', to: '2026-06-25' })];

    assert.deepEqual(await owed({ leave }), ['2026-06-15', '2026-06-22']);
    const public_holiday = [holidayOn('2026-06-26')];
    assert.deepEqual(await owed({ leave, public_holiday }), ['2026-06-08', '2026-06-15']);
  });

  it("owes a week in spite of another company's holidays", async () => {
    const leave = [aLeave({ from: '2026-06-22', to: '2026-06-25' })];
    const public_holiday = [holidayOn('2026-06-26', 'MCG-UK')];

    assert.deepEqual(await owed({ leave, public_holiday }), ['2026-06-15', '2026-06-22']);
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

  it('takes no permit for a renewal that begins only after a gap', async () => {
    const renewalFor = async (expiresOn: string, issuedOn: string) => {
      const later = aPermit({ id: 'm2', number: 'PM2', issuedOn, expiresOn: '2028-06-30' });
      const scope = scopeWith({ permit: [aPermit({ expiresOn }), later] });
      const { permits } = await value<Permits>(listPermits, { department: 'd1' }, scope);
      return permits.find(({ id }) => id === 'm1')?.renewal;
    };

    // The business date is 2026-06-30.
    assert.equal(await renewalFor('2026-06-10', '2026-06-30'), 'm2');
    assert.equal(await renewalFor('2026-06-10', '2026-07-01'), null);
    assert.equal(await renewalFor('2026-07-10', '2026-07-11'), 'm2');
    assert.equal(await renewalFor('2026-07-10', '2026-07-12'), null);
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

  it('adds up no amounts of different currencies', async () => {
    const pounds = aPayslip({ id: 'p2', gross: { amount: '1', currency: 'GBP' } });
    const scope = scopeWith({ payslip: [aPayslip(), pounds] });
    const args = { company: 'MCG-DE', month: 'open' };

    assert.equal(await failure(totalPayroll, args, scope), 'INPUT_INVALID');
  });

  it('refuses a company that does not exist', async () => {
    verifies('R5.tool-errors');
    const args = { company: 'MCG-XX', month: 'open' };

    assert.equal(await failure(totalPayroll, args, scopeWith({})), 'RECORD_UNKNOWN');
  });
});

interface Schedules {
  readonly employees: readonly { readonly owedWeeks: readonly string[] }[];
}

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
