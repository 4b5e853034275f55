import assert from 'node:assert/strict';
import { Text } from 'tutti';
import { listPermits } from '../../../modules/hr/tools/list-permits.ts';
import { listTimesheets } from '../../../modules/hr/tools/list-timesheets.ts';
import { totalPayroll } from '../../../modules/hr/tools/total-payroll.ts';
import { verifies } from '../../support/verifies.ts';
import { aPayslip, aPermit, aTimesheet, failure, scopeWith, value } from './company.ts';

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
    verifies('R5.tool-errors');
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
