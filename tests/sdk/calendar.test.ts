import assert from 'node:assert/strict';
import fc from 'fast-check';
import { defineCalendar, type Holiday } from 'tutti';
import { addBusinessDays, businessDayFrom } from '../../core/sdk/calendar/business-days.ts';
import { calendarFor, checkCalendars } from '../../core/sdk/calendar/calendar.ts';
import { holidaysOf } from '../../core/sdk/calendar/holidays.ts';

const plain = { name: 'test', companies: ['*'], timeZone: 'UTC' } as const;
const withHolidays = (...holidays: readonly Holiday[]) => defineCalendar({ ...plain, holidays });

describe('holidays', () => {
  for (const [what, rule, year, days] of [
    ['Easter Sunday', { kind: 'easter', days: 0 }, 2024, ['2024-03-31']],
    ['an early Easter', { kind: 'easter', days: 0 }, 2008, ['2008-03-23']],
    ['a late Easter', { kind: 'easter', days: 0 }, 2038, ['2038-04-25']],
    ['Good Friday', { kind: 'easter', days: -2 }, 2026, ['2026-04-03']],
    ['Corpus Christi', { kind: 'easter', days: 60 }, 2026, ['2026-06-04']],
    [
      'a fourth Thursday',
      { kind: 'weekday', month: 11, weekday: 'thursday', nth: 4 },
      2026,
      ['2026-11-26'],
    ],
    [
      'a last Monday',
      { kind: 'weekday', month: 5, weekday: 'monday', nth: -1 },
      2026,
      ['2026-05-25'],
    ],
    [
      'a first Monday on the first',
      { kind: 'weekday', month: 6, weekday: 'monday', nth: 1 },
      2026,
      ['2026-06-01'],
    ],
    [
      'a fifth that there is not',
      { kind: 'weekday', month: 6, weekday: 'friday', nth: 5 },
      2026,
      [],
    ],
    ['a day on a weekend', { kind: 'yearly', month: 8, day: 15 }, 2026, ['2026-08-15']],
    ['29 February', { kind: 'yearly', month: 2, day: 29 }, 2028, ['2028-02-29']],
    ['29 February of other years', { kind: 'yearly', month: 2, day: 29 }, 2026, []],
    [
      'a Saturday that is observed nearby',
      { kind: 'yearly', month: 7, day: 4, observed: 'nearest' },
      2026,
      ['2026-07-03'],
    ],
    [
      'a Sunday that is observed nearby',
      { kind: 'yearly', month: 7, day: 4, observed: 'nearest' },
      2027,
      ['2027-07-05'],
    ],
    [
      'New Year in the year before',
      { kind: 'yearly', month: 1, day: 1, observed: 'nearest' },
      2021,
      ['2021-01-01', '2021-12-31'],
    ],
    ['a rule before its time', { kind: 'yearly', month: 6, day: 18, since: 2021 }, 2020, []],
    ['a rule after its time', { kind: 'yearly', month: 6, day: 17, until: 2021 }, 2022, []],
    ['one date', { kind: 'once', date: '2022-09-19' }, 2022, ['2022-09-19']],
  ] as const satisfies readonly (readonly [string, Holiday, number, readonly string[]])[]) {
    it(`${what} in ${year}: ${days.join(', ') || 'none'}`, () => {
      const found = [...holidaysOf(withHolidays(rule), year)];

      assert.deepEqual(found.filter((day) => day.startsWith(`${year}`)).toSorted(), days);
    });
  }

  it('moves substitutes to free days, whichever of two falls on the weekend', () => {
    const christmas = (day: number) =>
      ({ kind: 'yearly', month: 12, day, observed: 'next' }) as const;
    const calendar = withHolidays(christmas(25), christmas(26));
    const inYear = (year: number) =>
      [...holidaysOf(calendar, year)].filter((day) => day.startsWith(`${year}`)).toSorted();

    // Substitute bank holidays of England and Wales.
    assert.deepEqual(inYear(2020), ['2020-12-25', '2020-12-28']);
    assert.deepEqual(inYear(2021), ['2021-12-27', '2021-12-28']);
    assert.deepEqual(inYear(2022), ['2022-12-26', '2022-12-27']);
    assert.deepEqual(inYear(2026), ['2026-12-25', '2026-12-28']);
  });
});

describe('business days', () => {
  const calendar = withHolidays(
    { kind: 'easter', days: -2 },
    { kind: 'easter', days: 1 },
    { kind: 'yearly', month: 1, day: 1 },
  );

  for (const [from, count, to] of [
    ['2026-06-30', 1, '2026-07-01'],
    ['2026-06-26', 1, '2026-06-29'],
    ['2026-06-27', 1, '2026-06-29'],
    ['2026-06-28', -1, '2026-06-26'],
    ['2026-06-27', 0, '2026-06-27'],
    ['2026-04-02', 1, '2026-04-07'],
    ['2026-04-07', -1, '2026-04-02'],
    ['2025-12-31', 1, '2026-01-02'],
    ['2028-02-28', 2, '2028-03-01'],
    ['2026-06-01', 10, '2026-06-15'],
  ] as const) {
    it(`${count} from ${from} is ${to}`, () => {
      assert.equal(addBusinessDays(calendar, from, count), to);
    });
  }

  it('know other weekends', () => {
    const gulf = defineCalendar({ ...plain, weekend: ['friday', 'saturday'] });
    assert.equal(addBusinessDays(gulf, '2026-06-25', 1), '2026-06-28');
    assert.equal(
      addBusinessDays(defineCalendar({ ...plain, weekend: [] }), '2026-06-26', 1),
      '2026-06-27',
    );
  });

  it('added and taken away again lead back, whatever the calendar', () => {
    const days = fc
      .integer({ min: 0, max: 20_000 })
      .map((day) => new Date(day * 86_400_000).toISOString().slice(0, 10));
    fc.assert(
      fc.property(days, fc.integer({ min: -60, max: 60 }), (day, count) => {
        const start = businessDayFrom(calendar, day, 1);
        const reached = addBusinessDays(calendar, start, count);

        assert.equal(businessDayFrom(calendar, reached, 1), reached);
        assert.equal(addBusinessDays(calendar, reached, -count), start);
        assert.equal(
          addBusinessDays(calendar, addBusinessDays(calendar, start, 1), count),
          addBusinessDays(calendar, reached, 1),
        );
      }),
    );
  });

  it('are refused where a calendar leaves none', () => {
    const closed = Array.from({ length: 900 }, (_, day) => ({
      kind: 'once' as const,
      date: new Date(Date.UTC(2026, 0, 1 + day)).toISOString().slice(0, 10),
    }));
    assert.throws(() => businessDayFrom(withHolidays(...closed), '2026-01-01', 1), {
      code: 'CALENDAR_INVALID',
    });
  });
});

describe('a calendar', () => {
  for (const [what, wrong, said] of [
    ['an unknown zone', { timeZone: 'Europe/Atlantis' }, /timeZone.*IANA/],
    [
      'a week of weekends',
      { weekend: ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] },
      /weekend.*no day/,
    ],
    ['30 February', { holidays: [{ kind: 'yearly', month: 2, day: 30 }] }, /holidays\.0\.day/],
    [
      'a holiday that is no date',
      { holidays: [{ kind: 'once', date: '2026-02-30' }] },
      /holidays\.0\.date/,
    ],
    [
      'a sixth Monday',
      { holidays: [{ kind: 'weekday', month: 1, weekday: 'monday', nth: 6 }] },
      /holidays\.0\.nth/,
    ],
    ['a thirteenth month', { fiscalYear: { kind: 'months', start: 13 } }, /fiscalYear\.start/],
    [
      'a gap between periods',
      {
        fiscalYear: {
          kind: 'listed',
          periods: [
            { year: 2026, from: '2026-01-01', to: '2026-01-31' },
            { year: 2026, from: '2026-02-02', to: '2026-02-28' },
          ],
        },
      },
      /periods\.1' must begin on the day after 2026-01-31/,
    ],
    [
      'a period that ends too early',
      {
        fiscalYear: {
          kind: 'listed',
          periods: [{ year: 2026, from: '2026-01-02', to: '2026-01-01' }],
        },
      },
      /ends before/,
    ],
    ['nobody', { companies: [] }, /companies/],
  ] as const) {
    it(`with ${what} is refused, naming the field`, () => {
      assert.throws(() => defineCalendar({ ...plain, ...wrong } as unknown as typeof plain), {
        code: 'CALENDAR_INVALID',
        message: said,
      });
    });
  }

  it('is that of the company, else that of all', () => {
    const all = defineCalendar(plain);
    const own = defineCalendar({ ...plain, name: 'own', companies: ['DE01', 'DE02'] });

    assert.equal(calendarFor([all, own], 'DE02'), own);
    assert.equal(calendarFor([all, own], 'US01'), all);
    assert.equal(calendarFor([own, all], null), all);
    assert.throws(() => calendarFor([own], 'US01'), {
      code: 'CALENDAR_INVALID',
      message: /'US01' has no calendar/,
    });
  });

  it('is one for each company', () => {
    const twice = ['one', 'two'].map((name) =>
      defineCalendar({ ...plain, name, companies: ['DE01'] }),
    );
    assert.throws(() => checkCalendars(twice), {
      code: 'CALENDAR_INVALID',
      message: /'DE01'.*'one' and 'two'/,
    });
  });
});
