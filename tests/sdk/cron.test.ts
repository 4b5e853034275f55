import assert from 'node:assert/strict';
import fc from 'fast-check';
import { localMoment } from '../../core/base/zoned-time.ts';
import { type CronTiming, cronFault, nextCron } from '../../core/sdk/calendar/cron.ts';
import { verifies } from '../support/verifies.ts';

const timeZone = 'Europe/Berlin';
const minuteMs = 60_000;

/** What comes after an instant, as clocks show it. */
function coming(cron: string | Omit<CronTiming, 'timeZone'>, after: string, count: number) {
  const timing = { timeZone, ...(typeof cron === 'string' ? { cron } : cron) };
  const found: string[] = [];
  for (let at = Date.parse(after); found.length < count; ) {
    const next = nextCron(timing, at);
    if (next === null) break;
    found.push(localMoment(next, timing.timeZone));
    at = next;
  }
  return found;
}

const nights: readonly (readonly [what: string, cron: string, after: string, local: string[]])[] = [
  [
    'a fixed time that is skipped comes at the first moment after the gap',
    '30 2 * * *',
    '2026-03-28T00:00Z',
    ['2026-03-28T02:30:00+01:00', '2026-03-29T03:00:00+02:00', '2026-03-30T02:30:00+02:00'],
  ],
  [
    'a fixed time that is shown twice comes at the first of both',
    '30 2 * * *',
    '2026-10-24T00:00Z',
    ['2026-10-24T02:30:00+02:00', '2026-10-25T02:30:00+02:00', '2026-10-26T02:30:00+01:00'],
  ],
  [
    'a list of fixed times comes once each',
    '30 2,14 * * *',
    '2026-10-24T13:00Z',
    ['2026-10-25T02:30:00+02:00', '2026-10-25T14:30:00+01:00', '2026-10-26T02:30:00+01:00'],
  ],
  [
    'times that meet at the end of a gap come once',
    '0 2-4 * * *',
    '2026-03-28T12:00Z',
    ['2026-03-29T03:00:00+02:00', '2026-03-29T04:00:00+02:00', '2026-03-30T02:00:00+02:00'],
  ],
  [
    'an interval comes in both passes of a repeated hour',
    '*/30 * * * *',
    '2026-10-24T23:50Z',
    [
      ...['2026-10-25T02:00:00+02:00', '2026-10-25T02:30:00+02:00'],
      ...['2026-10-25T02:00:00+01:00', '2026-10-25T02:30:00+01:00', '2026-10-25T03:00:00+01:00'],
    ],
  ],
  [
    'an interval is left out in a gap',
    '*/30 2 * * *',
    '2026-03-28T12:00Z',
    ['2026-03-30T02:00:00+02:00', '2026-03-30T02:30:00+02:00'],
  ],
];

const days: readonly (readonly [cron: string, after: string, days: string])[] = [
  ['0 6 L * *', '2028-01-01T00:00Z', '2028-01-31 2028-02-29 2028-03-31'],
  ['0 6 15W * *', '2026-01-16T00:00Z', '2026-02-16 2026-03-16 2026-04-15'],
  ['0 6 LW * *', '2026-01-01T00:00Z', '2026-01-30 2026-02-27 2026-03-31'],
  ['0 6 * * 5#2', '2026-01-01T00:00Z', '2026-01-09 2026-02-13 2026-03-13'],
  ['0 6 * * FRI#L', '2026-01-01T00:00Z', '2026-01-30 2026-02-27 2026-03-27'],
  ['0 6 29 2 *', '2026-01-01T00:00Z', '2028-02-29 2032-02-29 2036-02-29'],
  // Day of month or day of week, as Vixie cron has it; with + both.
  ['0 6 13 * FRI', '2026-02-07T00:00Z', '2026-02-13 2026-02-20 2026-02-27'],
  ['0 6 13 * +FRI', '2026-02-01T00:00Z', '2026-02-13 2026-03-13 2026-11-13'],
  ['@weekly', '2026-01-01T12:00Z', '2026-01-04 2026-01-11 2026-01-18'],
  ['@monthly', '2026-01-01T12:00Z', '2026-02-01 2026-03-01 2026-04-01'],
];

describe('a cron expression', () => {
  for (const [what, cron, after, local] of nights)
    it(`in nights when clocks change: ${what}`, () => {
      verifies('R2.schedule');
      assert.deepEqual(coming(cron, after, local.length), local);
    });

  it('knows last days, nearest weekdays, the nth of a month and nicknames', () => {
    for (const [cron, after, expected] of days)
      assert.equal(
        coming(cron, after, 3)
          .map((local) => local.slice(0, 10))
          .join(' '),
        expected,
        cron,
      );
  });

  it('has seconds where it says so', () => {
    assert.deepEqual(coming({ cron: '*/30 * * * * *', seconds: true }, '2026-01-01T00:00Z', 2), [
      '2026-01-01T01:00:30+01:00',
      '2026-01-01T01:01:00+01:00',
    ]);
  });

  it('is refused when it cannot be read, is none, or never comes', () => {
    const wrong: readonly (readonly [RegExp, Partial<CronTiming>])[] = [
      [/6 fields, not 5/, { cron: '0 0 22 * * *' }],
      [/never comes/, { cron: '0 0 30 2 *' }],
      [/cannot be read/, { cron: '61 0 * * *' }],
      [/4 fields, not 5/, { cron: '0 22 * *' }],
      [/5 fields, not 6/, { cron: '0 22 * * *', seconds: true }],
      [/cannot be read/, { cron: '@reboot' }],
      [/no cron expression/, { cron: '2026-01-01T00:00:00' }],
      [/no cron expression/, { cron: '' }],
    ];
    for (const [reason, timing] of wrong)
      assert.match(cronFault({ cron: '', timeZone, ...timing }) ?? 'nothing', reason);
    assert.equal(cronFault({ cron: '0 22 * * MON-FRI', timeZone }), null);
  });

  it('comes when somebody says so who goes through all minutes and looks at the wall', () => {
    verifies('R2.schedule');
    const zones = ['Europe/Berlin', 'America/New_York', 'Asia/Kolkata', 'Australia/Lord_Howe'];
    const some = (most: number) =>
      fc.uniqueArray(fc.nat({ max: most }), { minLength: 1, maxLength: 3 });
    const field = (most: number) => fc.oneof(some(most).map(String), fc.constant('*'));
    const cases = fc.record({
      // An hour that is free makes an interval of it: then the wall is all there is to it.
      minute: some(59).map(String),
      weekday: field(6),
      month: field(11).map((text) => text.replace(/\d+/g, (digits) => String(Number(digits) + 1))),
      zone: fc.constantFrom(...zones),
      hourOfYear: fc.nat({ max: 365 * 24 }),
    });
    fc.assert(
      fc.property(cases, ({ minute, weekday, month, zone, hourOfYear }) => {
        const cron = `${minute} * * ${month} ${weekday}`;
        const after = Date.UTC(2026, 0, 1) + hourOfYear * 60 * minuteMs;
        const span = 36 * 60 * minuteMs;
        const expected: number[] = [];
        for (let at = after + minuteMs; at <= after + span; at += minuteMs)
          if (isShown(at, zone, { minute, month, weekday })) expected.push(at);
        const found: number[] = [];
        for (let at: number | null = after; at !== null; ) {
          at = nextCron({ cron, timeZone: zone }, at);
          if (at === null || at > after + span) break;
          found.push(at);
        }
        assert.deepEqual(found, expected, cron);
      }),
      { numRuns: 60 },
    );
  });
});

const formatters = new Map<string, Intl.DateTimeFormat>();

/** Whether the clocks and calendars of a zone show at an instant what each field names. */
function isShown(
  at: number,
  zone: string,
  fields: { readonly minute: string; readonly month: string; readonly weekday: string },
): boolean {
  const formatter =
    formatters.get(zone) ??
    new Intl.DateTimeFormat('en-GB', {
      ...{ timeZone: zone, hourCycle: 'h23' },
      ...{ minute: 'numeric', month: 'numeric', weekday: 'short' },
    });
  formatters.set(zone, formatter);
  const parts = Object.fromEntries(
    formatter.formatToParts(at).map(({ type, value }) => [type, value]),
  );
  const names = (field: string, value: number) =>
    field === '*' || field.split(',').map(Number).includes(value);
  const weekday = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'].indexOf(parts.weekday ?? '');
  return (
    names(fields.minute, Number(parts.minute)) &&
    names(fields.month, Number(parts.month)) &&
    names(fields.weekday, weekday)
  );
}
