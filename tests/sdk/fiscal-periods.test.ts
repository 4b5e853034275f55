import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defineCalendar, type FiscalYear } from 'tutti';
import { periodOf, periodsOf, spanAt } from '../../core/sdk/calendar/fiscal-periods.ts';

function withYear(fiscalYear: FiscalYear) {
  return defineCalendar({ name: 'test', companies: ['*'], timeZone: 'UTC', fiscalYear });
}

/** National Retail Federation: weeks from Sunday, 4-5-4, the year ends on the Saturday nearest to 31 January. */
const retail = withYear({
  kind: 'weeks',
  pattern: '4-5-4',
  ends: { month: 1, weekday: 'saturday', rule: 'nearest' },
  named: 'start',
});

describe('fiscal periods', () => {
  it('of calendar months follow leap years', () => {
    const months = withYear({ kind: 'months', start: 1 });

    assert.equal(periodOf(months, '2028-02-29')?.to, '2028-02-29');
    assert.equal(periodOf(months, '2026-02-28')?.to, '2026-02-28');
    assert.equal(periodOf(months, '2026-06-30')?.code, '2026-06');
  });

  it('of a year from April have its number, or that of its beginning', () => {
    const ending = withYear({ kind: 'months', start: 4 });
    const starting = withYear({ kind: 'months', start: 4, named: 'start' });

    assert.equal(periodOf(ending, '2026-03-31')?.code, '2026-12');
    assert.equal(periodOf(ending, '2026-04-01')?.code, '2027-01');
    assert.equal(periodOf(starting, '2026-04-01')?.code, '2026-01');
    assert.deepEqual(spanAt(ending, 'quarter', '2026-05-05'), {
      from: '2026-04-01',
      to: '2026-06-30',
    });
    assert.deepEqual(spanAt(ending, 'year', '2026-05-05'), {
      from: '2026-04-01',
      to: '2027-03-31',
    });
  });

  it('of the retail calendar have 53 weeks in the years that the federation names', () => {
    // https://nrf.com/resources/4-5-4-calendar and its earlier version: fiscal years 2000, 2006, 2012, 2017 and 2023.
    const years = Array.from({ length: 26 }, (_, index) => 2000 + index);
    const weeksOf = (year: number) =>
      periodsOf(retail, year).reduce(
        (sum, { from, to }) => sum + (Date.parse(to) - Date.parse(from)) / 86_400_000 + 1,
        0,
      ) / 7;

    assert.deepEqual(
      years.filter((year) => weeksOf(year) === 53),
      [2000, 2006, 2012, 2017, 2023],
    );
    assert.ok(years.every((year) => [52, 53].includes(weeksOf(year))));
  });

  it('of the retail year 2023 run from 29 January 2023 to 3 February 2024, with a January of five weeks', () => {
    const periods = periodsOf(retail, 2023);

    assert.equal(periods[0]?.from, '2023-01-29');
    assert.deepEqual(
      periods.map(({ to }) => to),
      [
        ...['2023-02-25', '2023-04-01', '2023-04-29', '2023-05-27', '2023-07-01', '2023-07-29'],
        ...['2023-08-26', '2023-09-30', '2023-10-28', '2023-11-25', '2023-12-30', '2024-02-03'],
      ],
    );
    assert.equal(periodOf(retail, '2024-02-04')?.code, '2024-01');
  });

  it('of a year to the last Saturday of September take the long week where it is said', () => {
    // Apple Inc., Form 10-K 2023: fiscal 2023 had 53 weeks, ended on 30 September 2023, with the 14th week in the first quarter.
    const calendar = withYear({
      ...{ kind: 'weeks', pattern: '5-4-4', longPeriod: 3 },
      ends: { month: 9, weekday: 'saturday', rule: 'last' },
    });

    assert.deepEqual(
      [2022, 2023, 2024].map((year) => periodsOf(calendar, year).at(-1)?.to),
      ['2022-09-24', '2023-09-30', '2024-09-28'],
    );
    assert.deepEqual(spanAt(calendar, 'quarter', '2022-10-01'), {
      from: '2022-09-25',
      to: '2022-12-31',
    });
  });

  it('of thirteen in a year have four in the last quarter', () => {
    const periods = Array.from({ length: 13 }, (_, index) => {
      const day = (days: number) =>
        new Date(Date.UTC(2026, 0, 1 + days)).toISOString().slice(0, 10);
      return { year: 2026, from: day(28 * index), to: day(28 * index + 27) };
    });
    const calendar = withYear({ kind: 'listed', periods });

    assert.deepEqual(spanAt(calendar, 'quarter', '2026-12-01'), {
      from: periods[9]?.from,
      to: periods[12]?.to,
    });
    assert.equal(periodOf(calendar, '2025-12-31'), null);
    assert.equal(periodOf(calendar, '2026-12-31'), null);
  });

  it('hold every day once, whatever the fiscal year', () => {
    const kinds = fc.constantFrom<FiscalYear>(
      { kind: 'months', start: 1 },
      { kind: 'months', start: 7, named: 'start' },
      { kind: 'weeks', pattern: '4-4-5', ends: { month: 12, weekday: 'friday', rule: 'nearest' } },
      {
        kind: 'weeks',
        pattern: '5-4-4',
        ends: { month: 12, weekday: 'sunday', rule: 'last' },
        named: 'start',
      },
      {
        kind: 'weeks',
        pattern: '4-5-4',
        ends: { month: 1, weekday: 'saturday', rule: 'nearest' },
        named: 'start',
      },
      { kind: 'weeks', pattern: '4-4-5', ends: { month: 2, weekday: 'monday', rule: 'last' } },
    );
    fc.assert(
      fc.property(kinds, fc.integer({ min: 1980, max: 2080 }), (fiscalYear, year) => {
        const calendar = withYear(fiscalYear);
        const periods = [...periodsOf(calendar, year), ...periodsOf(calendar, year + 1)];

        assert.equal(periods.length, 24);
        for (const [index, { from, to, code }] of periods.entries()) {
          assert.equal(periodOf(calendar, from)?.code, code);
          assert.equal(periodOf(calendar, to)?.code, code);
          const next = periods[index + 1];
          if (next) assert.equal(Date.parse(next.from) - Date.parse(to), 86_400_000);
        }
      }),
    );
  });
});
