import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Day } from 'tutti';
import { lastDayOf, payrollWeeks, periodOf, previousPeriod } from '../../../modules/hr/period.ts';
import { completeWeeks, workdaysOf } from '../../../modules/hr/work-week.ts';

describe('periods of the payroll', () => {
  const aDay = fc.integer({ min: -20_000, max: 60_000 }).map((days) => Day.add('2000-01-01', days));

  it('pay every week in one period only, and none of them before it has ended', () => {
    fc.assert(
      fc.property(aDay, (today) => {
        const open = payrollWeeks(periodOf(today), today);
        const closed = payrollWeeks(previousPeriod(periodOf(today)), today);
        const weeks = [...closed, ...open];
        assert.deepEqual(weeks, completeWeeks(today, weeks.length));
        assert.ok(closed.length === 4 || closed.length === 5);
      }),
    );
  });

  it('follow each other over the turn of a year, to the last day of each', () => {
    assert.equal(previousPeriod('2026-01'), '2025-12');
    assert.equal(lastDayOf('2028-02'), '2028-02-29');
    assert.equal(lastDayOf('2026-12'), '2026-12-31');
  });
});

describe('weeks of work', () => {
  it('are complete when their Sunday has passed, and worked from Monday to Friday', () => {
    assert.deepEqual(completeWeeks('2026-06-28', 1), ['2026-06-15']);
    assert.deepEqual(completeWeeks('2026-06-29', 2), ['2026-06-15', '2026-06-22']);
    assert.deepEqual(workdaysOf('2026-06-29').at(-1), '2026-07-03');
  });
});
