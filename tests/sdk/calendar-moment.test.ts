import assert from 'node:assert/strict';
import fc from 'fast-check';
import { type Calendar, defineCalendar } from 'tutti';
import { checkMoment, nextMoment } from '../../core/sdk/calendar/calendar-moment.ts';
import { calendars } from '../../modules/calendars.ts';
import { verifies } from '../support/verifies.ts';

const named = (name: string): Calendar => calendars.find((each) => each.name === name) as Calendar;
const germany = named('Germany');
const states = named('United States');
const england = named('England and Wales');
const base = { name: 'test', companies: ['*'] } as const;
const lordHowe = defineCalendar({ ...base, timeZone: 'Australia/Lord_Howe', weekend: [] });
const brazil = defineCalendar({ ...base, timeZone: 'America/Sao_Paulo' });
const retail = defineCalendar({
  ...base,
  timeZone: 'America/New_York',
  fiscalYear: {
    ...{ kind: 'weeks', pattern: '4-5-4', named: 'start' },
    ends: { month: 1, weekday: 'saturday', rule: 'nearest' },
  },
});

/** After an instant, a moment comes at an instant. */
const table: readonly (readonly [
  what: string,
  calendar: Calendar,
  moment: string,
  after: string,
  next: string,
])[] = [
  ['the first business day', germany, 'BD+1 06:00', '2026-06-30T12:00Z', '2026-07-01T04:00Z'],
  ['over New Year', germany, 'BD+1 06:00', '2025-12-31T12:00Z', '2026-01-02T05:00Z'],
  ['the second, over a weekend', germany, 'BD+2 06:00', '2026-07-31T12:00Z', '2026-08-04T04:00Z'],
  [
    'the last, a month end on a Sunday',
    germany,
    'BD-1 18:00',
    '2026-05-10T00:00Z',
    '2026-05-29T16:00Z',
  ],
  [
    'the last, a month end on a Saturday',
    germany,
    'LAST_WORKING_DAY 18:00',
    '2026-10-10T00:00Z',
    '2026-10-30T17:00Z',
  ],
  ['the last but one', germany, 'BD-2 18:00', '2026-05-10T00:00Z', '2026-05-28T16:00Z'],
  [
    'the first, a holiday on the first',
    germany,
    'FIRST_WORKING_DAY 08:00',
    '2026-04-30T12:00Z',
    '2026-05-04T06:00Z',
  ],
  [
    'before a close on a Saturday',
    germany,
    'PERIOD_CLOSE-1BD 18:00',
    '2026-10-10T00:00Z',
    '2026-10-30T17:00Z',
  ],
  [
    'before a close on a Friday',
    germany,
    'PERIOD_CLOSE-2BD 18:00',
    '2026-07-10T00:00Z',
    '2026-07-29T16:00Z',
  ],
  ['after a close', germany, 'PERIOD_CLOSE+3BD 18:00', '2026-06-30T23:00Z', '2026-07-03T16:00Z'],
  [
    'of the period before, still to come',
    germany,
    'PERIOD_CLOSE+9BD 18:00',
    '2026-07-08T00:00Z',
    '2026-07-13T16:00Z',
  ],
  [
    'days of the calendar',
    germany,
    'PERIOD_START+3D 06:00',
    '2026-06-30T00:00Z',
    '2026-07-04T04:00Z',
  ],
  ['a leap day', germany, 'PERIOD_CLOSE 23:00', '2028-02-10T00:00Z', '2028-02-29T22:00Z'],
  ['a quarter', germany, 'QUARTER_CLOSE 12:00', '2026-07-01T00:00Z', '2026-09-30T10:00Z'],
  ['a quarter on', germany, 'QUARTER_START+1BD 12:00', '2026-09-30T00:00Z', '2026-10-02T10:00Z'],
  ['a year', germany, 'YEAR_CLOSE+5BD 12:00', '2026-01-01T00:00Z', '2026-01-08T11:00Z'],
  ['itself is over', germany, 'BD+1 06:00', '2026-07-01T04:00Z', '2026-08-03T04:00Z'],
  ['an observed holiday', states, 'BD+1 06:00', '2027-06-30T23:00Z', '2027-07-01T10:00Z'],
  ['over an observed holiday', states, 'BD+3 06:00', '2027-07-01T23:00Z', '2027-07-06T10:00Z'],
  ['over a substitute', england, 'BD-3 09:00', '2026-12-10T00:00Z', '2026-12-29T09:00Z'],
  [
    'a night without 02:30',
    germany,
    'PERIOD_START+28D 02:30',
    '2026-03-02T00:00Z',
    '2026-03-29T01:00Z',
  ],
  [
    'a night with two 02:30',
    germany,
    'PERIOD_START+24D 02:30',
    '2026-10-02T00:00Z',
    '2026-10-25T00:30Z',
  ],
  [
    'the month after two 02:30',
    germany,
    'PERIOD_START+24D 02:30',
    '2026-10-25T00:30Z',
    '2026-11-25T01:30Z',
  ],
  [
    'between two 02:30',
    germany,
    'PERIOD_START+24D 02:30',
    '2026-10-25T01:00Z',
    '2026-11-25T01:30Z',
  ],
  [
    'a night without 02:30',
    states,
    'PERIOD_START+7D 02:30',
    '2026-03-02T00:00Z',
    '2026-03-08T07:00Z',
  ],
  [
    'a night with two 01:30',
    states,
    'PERIOD_START 01:30',
    '2026-10-20T00:00Z',
    '2026-11-01T05:30Z',
  ],
  ['a night without 02:15', lordHowe, 'BD+4 02:15', '2026-09-30T20:00Z', '2026-10-03T15:30Z'],
  ['a night with two 01:45', lordHowe, 'BD+5 01:45', '2026-04-01T00:00Z', '2026-04-04T14:45Z'],
  [
    'a summer without a change',
    brazil,
    'FIRST_WORKING_DAY 00:30',
    '2026-10-20T00:00Z',
    '2026-11-02T03:30Z',
  ],
  [
    'the close of a year of 53 weeks',
    retail,
    'YEAR_CLOSE 18:00',
    '2023-06-01T00:00Z',
    '2024-02-03T23:00Z',
  ],
  [
    'the close of a year of 52 weeks',
    retail,
    'YEAR_CLOSE 18:00',
    '2024-06-01T00:00Z',
    '2025-02-01T23:00Z',
  ],
  [
    'a close on a Saturday',
    retail,
    'LAST_WORKING_DAY 18:00',
    '2024-01-01T00:00Z',
    '2024-02-02T23:00Z',
  ],
];

describe('the next moment of a calendar', () => {
  for (const [what, calendar, when, after, next] of table) {
    it(`${what}: ${when} in ${calendar.timeZone} after ${after}`, () => {
      verifies('R2.calendar-moments');
      const [moment = '', time = ''] = when.split(' ');

      const found = nextMoment(calendar, { moment, time }, Date.parse(after));

      assert.equal(new Date(found).toISOString(), new Date(next).toISOString());
    });
  }

  it('comes after, comes again from just before, and never sooner for a later question', () => {
    fc.assert(
      fc.property(anyCalendar, anyMoment, anyTime, anyInstant, anyInstant, (...given) => {
        const [calendar, moment, time, one, other] = given;
        const next = (after: number) => nextMoment(calendar, { moment, time }, after);
        const [early, late] = [Math.min(one, other), Math.max(one, other)];

        assert.ok(next(early) > early);
        assert.equal(next(next(early) - 1), next(early));
        assert.ok(next(next(early)) > next(early));
        assert.ok(next(late) >= next(early));
      }),
      { numRuns: 300 },
    );
  });

  it('comes once in each of the twelve periods of a year', () => {
    fc.assert(
      fc.property(
        anyCalendar,
        fc.constantFrom('BD+1', 'BD-1', 'PERIOD_CLOSE', 'PERIOD_START+3D'),
        anyTime,
        (...given) => {
          const [calendar, moment, time] = given;
          let at = Date.UTC(2026, 2, 20, 12);
          for (let times = 0; times < 120; times += 1)
            at = nextMoment(calendar, { moment, time }, at);
          const years = (at - Date.UTC(2026, 2, 20)) / (365.25 * 86_400_000);

          assert.ok(Math.abs(years - 10) < 0.12, `120 periods took ${years} years`);
        },
      ),
      { numRuns: 40 },
    );
  });

  it('ends with the last listed period, and says so', () => {
    const calendar = defineCalendar({
      ...{ ...base, timeZone: 'UTC' },
      fiscalYear: {
        kind: 'listed',
        periods: [{ year: 2026, from: '2026-01-01', to: '2026-01-28' }],
      },
    });
    const next = (after: string) =>
      new Date(
        nextMoment(calendar, { moment: 'PERIOD_CLOSE+2D', time: '06:00' }, Date.parse(after)),
      );

    assert.equal(next('2020-01-01').toISOString(), '2026-01-30T06:00:00.000Z');
    assert.equal(next('2026-01-29').toISOString(), '2026-01-30T06:00:00.000Z');
    assert.throws(() => next('2026-01-30T06:00Z'), {
      code: 'CALENDAR_INVALID',
      message: /to 2026-01-28.*PERIOD_CLOSE\+2D/,
    });
  });
});

describe('a moment', () => {
  for (const [moment, time, said] of [
    ['BD', '06:00', /'BD' counts no business days; write BD\+1/],
    ['BD+0', '06:00', /BD\+1 for the first/],
    ['BD+1D', '06:00', /BD\+1 for the first/],
    ['BD+400', '06:00', /BD\+1 for the first/],
    ['bd+1', '06:00', /'bd\+1' names no moment.*PERIOD_CLOSE/],
    ['MONTH_END', '06:00', /names no moment/],
    ['toString', '06:00', /names no moment/],
    ['', '06:00', /names no moment/],
    ['PERIOD_CLOSE-2', '06:00', /ends in '-2'.*PERIOD_CLOSE-2BD/],
    ['PERIOD_CLOSE -2BD', '06:00', /ends in ' -2BD'/],
    ['PERIOD_CLOSE-0BD', '06:00', /ends in '-0BD'/],
    ['YEAR_CLOSE+367D', '06:00', /up to 366/],
    ['BD+1', '6:00', /'6:00' is no time of day/],
    ['BD+1', '24:00', /'24:00' is no time of day/],
  ] as const) {
    it(`'${moment}' at '${time}' is refused`, () => {
      assert.throws(() => checkMoment({ moment, time }), {
        code: 'CALENDAR_INVALID',
        message: said,
      });
    });
  }
});

const anyCalendar = fc.constantFrom(germany, states, england, lordHowe, brazil, retail);
const anySign = fc.constantFrom('+', '-');
const anyMoment = fc.oneof(
  fc.tuple(anySign, fc.integer({ min: 1, max: 80 })).map(([sign, count]) => `BD${sign}${count}`),
  fc.constantFrom('FIRST_WORKING_DAY', 'LAST_WORKING_DAY', 'QUARTER_CLOSE', 'YEAR_START'),
  fc
    .tuple(
      fc.constantFrom('PERIOD_START', 'PERIOD_CLOSE', 'QUARTER_START', 'YEAR_CLOSE'),
      ...([anySign, fc.integer({ min: 1, max: 99 }), fc.constantFrom('D', 'BD')] as const),
    )
    .map((parts) => parts.join('')),
);
const anyTime = fc
  .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
  .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'));
const anyInstant = fc.integer({ min: Date.UTC(2010, 0, 1), max: Date.UTC(2040, 0, 1) });
