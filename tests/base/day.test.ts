import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Day } from '../../core/base/day.ts';

/** Days of the years 1900 to 2199. */
const aDay = fc
  .integer({ min: -25_567, max: 84_005 })
  .map((number) => new Date(number * 86_400_000).toISOString().slice(0, 10));
const someDays = fc.integer({ min: -20_000, max: 20_000 });

describe('calendar days', () => {
  it('come back from as many days ahead as they went', () => {
    fc.assert(
      fc.property(aDay, someDays, (day, days) => {
        const other = Day.add(day, days);
        assert.match(other, /^\d{4}-\d{2}-\d{2}$/);
        assert.equal(Day.between(day, other), days);
        assert.equal(Day.add(other, -days), day);
      }),
    );
  });

  it('sort as text in the order of time', () => {
    fc.assert(fc.property(aDay, aDay, (a, b) => assert.equal(a < b, Day.between(a, b) > 0)));
  });

  it('follow the Gregorian calendar over leap days and centuries', () => {
    assert.equal(Day.add('2024-02-28', 1), '2024-02-29');
    assert.equal(Day.add('2026-03-01', -1), '2026-02-28');
    assert.equal(Day.add('2100-02-28', 1), '2100-03-01');
    assert.equal(Day.between('1999-12-31', '2100-03-01'), 36_585);
  });

  it('have the weekdays of ISO 8601, one after the other', () => {
    assert.deepEqual(
      ['2026-06-29', '2026-07-04', '2026-07-05', '1969-12-31', '2000-02-29'].map(Day.weekday),
      [1, 6, 7, 3, 2],
    );
    fc.assert(
      fc.property(aDay, (day) => {
        assert.equal(Day.weekday(Day.add(day, 1)), (Day.weekday(day) % 7) + 1);
        assert.equal(Day.isWeekend(day), [6, 7].includes(Day.weekday(day)));
      }),
    );
  });

  it('belong to the week of the Monday at most six days before', () => {
    fc.assert(
      fc.property(aDay, (day) => {
        const monday = Day.monday(day);
        assert.equal(Day.weekday(monday), 1);
        assert.equal(Day.between(monday, day), Day.weekday(day) - 1);
      }),
    );
  });

  it('lie between the first and the last day of their month', () => {
    fc.assert(
      fc.property(aDay, (day) => {
        const [first, last] = [Day.monthStart(day), Day.monthEnd(day)];
        assert.ok(first <= day && day <= last);
        assert.equal(first, `${day.slice(0, 7)}-01`);
        assert.equal(Day.add(last, 1), Day.monthStart(day, 1));
      }),
    );
    assert.equal(Day.monthEnd('2028-02-11'), '2028-02-29');
  });

  it('count months over the turn of a year, whatever the day of the month', () => {
    assert.equal(Day.monthStart('2026-01-31', -2), '2025-11-01');
    assert.equal(Day.monthStart('2025-12-31', 1), '2026-01-01');
    fc.assert(
      fc.property(aDay, fc.integer({ min: -240, max: 240 }), (day, months) => {
        const there = Day.monthStart(day, months);
        assert.equal(Day.monthStart(there, -months), Day.monthStart(day));
      }),
    );
  });
});
