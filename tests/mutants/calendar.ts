import type { Mutant } from './mutant.ts';

const zoned = 'tests/base/zoned-time.test.ts';
const moments = 'tests/sdk/calendar-moment.test.ts';
const periods = 'tests/sdk/fiscal-periods.test.ts';
const locks = 'tests/guard/period.test.ts';

/** Of calendars and period locks. */
export const calendar: readonly Mutant[] = [
  {
    id: 'a-locked-period-is-only-proposed',
    file: 'core/guard/rules/period.ts',
    find: `return refuse('period.locked', \`\${nameOf(posting)} is locked; post to an open period.\`);`,
    replace: `return { kind: 'propose', rule: 'period.locked' };`,
    tests: [locks],
  },
  {
    id: 'a-subledger-opens-what-the-general-ledger-locks',
    file: 'core/guard/posting.ts',
    find: 'return strictness[other.state] > strictness[one.state] ? other : one;',
    replace: 'return strictness[other.state] < strictness[one.state] ? other : one;',
    tests: [locks],
  },
  {
    id: 'a-day-without-a-period-is-open',
    file: 'core/guard/posting.ts',
    find: 'return isKept ? {',
    replace: 'return !isKept ? {',
    tests: [locks],
  },
  {
    id: 'a-question-of-a-call-may-write',
    file: 'core/guard/handler.ts',
    find: `return await inTime(aside, { key: '', mayWrite: false, connector }, question);`,
    replace: `return await inTime(aside, { key: 'k', mayWrite: true, connector }, question);`,
    tests: [locks],
  },
  {
    id: 'a-repeated-time-is-its-second',
    file: 'core/base/zoned-time.ts',
    find: 'return Math.min(...shown);',
    replace: 'return Math.max(...shown);',
    tests: [zoned],
  },
  {
    id: 'a-skipped-time-goes-on-after-the-gap',
    file: 'core/base/zoned-time.ts',
    find: 'return changeWithin(wallMs - after, wallMs - before, timeZone);',
    replace: 'return wallMs - before;',
    tests: [zoned],
  },
  {
    id: 'a-moment-comes-again-at-its-own-time',
    file: 'core/sdk/calendar/calendar-moment.ts',
    find: 'while (instantIn(span) <= afterMs) {',
    replace: 'while (instantIn(span) < afterMs) {',
    tests: [moments],
  },
  {
    id: 'a-moment-of-an-earlier-period-is-missed',
    file: 'core/sdk/calendar/calendar-moment.ts',
    find: 'while (instantIn(span) > afterMs) {',
    replace: 'while (false) {',
    tests: [moments],
  },
  {
    id: 'substitutes-meet-on-one-day',
    file: 'core/sdk/calendar/holidays.ts',
    find: 'while (isWeekend(calendar, after) || taken.has(after))',
    replace: 'while (isWeekend(calendar, after))',
    tests: ['tests/sdk/calendar.test.ts'],
  },
  {
    id: 'the-nearest-weekday-is-the-last',
    file: 'core/sdk/calendar/fiscal-periods.ts',
    find: "rule === 'nearest' && daysSince > 3",
    replace: "rule === 'nearest' && daysSince > 7",
    tests: [periods],
  },
  {
    id: 'the-long-week-goes-to-the-last-period',
    file: 'core/sdk/calendar/fiscal-periods.ts',
    find: 'isLong && number === longPeriod',
    replace: 'isLong && number === 12',
    tests: [periods],
  },
];
