import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  addDays,
  completeWeeks,
  dateOf,
  dayNumber,
  lastDayOf,
  mondayOf,
  payrollWeeks,
  previousPeriod,
  weekdayOf,
} from '../../../modules/hr/calendar.ts';

describe('the calendar of hr', () => {
  // 1900 to 2199.
  const aDay = fc.integer({ min: -25_567, max: 84_005 });

  it("agrees with the machine's calendar on every day and weekday", () => {
    fc.assert(
      fc.property(aDay, (number) => {
        const date = new Date(number * 86_400_000);
        const text = date.toISOString().slice(0, 10);
        assert.equal(dateOf(number), text);
        assert.equal(dayNumber(text), number);
        assert.equal(weekdayOf(text), (date.getUTCDay() + 6) % 7);
      }),
    );
  });

  it('pays every week in one period only, and none of them before it has ended', () => {
    fc.assert(
      fc.property(aDay, (number) => {
        const today = dateOf(number);
        const period = today.slice(0, 7);
        const open = payrollWeeks(period, today);
        const closed = payrollWeeks(previousPeriod(period), today);
        const weeks = [...closed, ...open];
        assert.deepEqual(weeks, completeWeeks(today, weeks.length));
        assert.ok(closed.length === 4 || closed.length === 5);
      }),
    );
  });

  it('names the ends of months and the Mondays of weeks', () => {
    assert.equal(lastDayOf('2028-02'), '2028-02-29');
    assert.equal(lastDayOf('2026-12'), '2026-12-31');
    assert.equal(previousPeriod('2026-01'), '2025-12');
    assert.equal(mondayOf('2026-06-28'), '2026-06-22');
    assert.equal(addDays('2026-03-01', -1), '2026-02-28');
  });
});
