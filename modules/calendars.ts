import { defineCalendar, type Holiday } from 'tutti';

/**
 * When the companies of the sample group work and close their books: public holidays of the whole country, calendar months.
 */
export const calendars = [
  defineCalendar({
    name: 'Germany',
    companies: ['MCG-DE', '*'],
    timeZone: 'Europe/Berlin',
    // Art. 2 para. 2 of the Unification Treaty, and what every state's own law has in common.
    holidays: [
      ...yearly([1, 1], [5, 1], [10, 3], [12, 25], [12, 26]),
      ...afterEaster(-2, 1, 39, 50),
    ],
  }),
  defineCalendar({
    name: 'United States',
    companies: ['MCG-US'],
    timeZone: 'America/New_York',
    // 5 U.S.C. 6103 (a) and (b), Executive Order 11582: on a Saturday, the Friday before; on a Sunday, the Monday after.
    holidays: [
      ...yearly([1, 1], [7, 4], [11, 11], [12, 25]).map((each) => observed(each, 'nearest')),
      { kind: 'yearly', month: 6, day: 19, observed: 'nearest', since: 2021 },
      { kind: 'weekday', month: 1, weekday: 'monday', nth: 3 },
      { kind: 'weekday', month: 2, weekday: 'monday', nth: 3 },
      { kind: 'weekday', month: 5, weekday: 'monday', nth: -1 },
      { kind: 'weekday', month: 9, weekday: 'monday', nth: 1 },
      { kind: 'weekday', month: 10, weekday: 'monday', nth: 2 },
      { kind: 'weekday', month: 11, weekday: 'thursday', nth: 4 },
    ],
  }),
  defineCalendar({
    name: 'England and Wales',
    companies: ['MCG-UK'],
    timeZone: 'Europe/London',
    // Banking and Financial Dealings Act 1971, schedule 1, and royal proclamations; a substitute is the next day that is free.
    holidays: [
      ...yearly([1, 1], [12, 25], [12, 26]).map((each) => observed(each, 'next')),
      ...afterEaster(-2, 1),
      { kind: 'weekday', month: 5, weekday: 'monday', nth: 1 },
      { kind: 'weekday', month: 5, weekday: 'monday', nth: -1 },
      { kind: 'weekday', month: 8, weekday: 'monday', nth: -1 },
    ],
  }),
  defineCalendar({
    name: 'Poland',
    companies: ['MCG-PL'],
    timeZone: 'Europe/Warsaw',
    // Act of 18 January 1951 on days free from work, with Christmas Eve since 2025.
    holidays: [
      ...yearly([1, 1], [1, 6], [5, 1], [5, 3], [8, 15], [11, 1], [11, 11], [12, 25], [12, 26]),
      { kind: 'yearly', month: 12, day: 24, since: 2025 },
      ...afterEaster(0, 1, 49, 60),
    ],
  }),
];

type Yearly = Extract<Holiday, { readonly kind: 'yearly' }>;

function yearly(...days: readonly (readonly [month: number, day: number])[]): readonly Yearly[] {
  return days.map(([month, day]) => ({ kind: 'yearly', month, day }));
}

function afterEaster(...days: readonly number[]): readonly Holiday[] {
  return days.map((each) => ({ kind: 'easter', days: each }));
}

function observed(holiday: Yearly, to: 'nearest' | 'next'): Yearly {
  return { ...holiday, observed: to };
}
