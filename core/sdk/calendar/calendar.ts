import { z } from 'zod';
import { Day } from '../../base/day.ts';
import { EngineError } from '../../base/errors.ts';
import { isTimeZone } from '../../base/zoned-time.ts';

const weekdays = [
  'monday',
  'tuesday',
  'wednesday',
  'thursday',
  'friday',
  'saturday',
  'sunday',
] as const;

/** A day of the week. */
export type Weekday = (typeof weekdays)[number];

/** Years in which a rule holds, both included. @default all */
interface Years {
  readonly since?: number;
  readonly until?: number;
}

/**
 * When nobody works. `observed` says what becomes of one that falls on a weekend: `nearest` goes to the business day beside it
 * (Friday for Saturday, Monday for Sunday), `next` to the next day that is no weekend and no holiday. @default it is lost
 */
export type Holiday =
  | { readonly kind: 'once'; readonly date: string }
  | ({
      readonly kind: 'yearly';
      /** 1 to 12. */
      readonly month: number;
      readonly day: number;
      readonly observed?: 'nearest' | 'next';
    } & Years)
  /** `days` after Easter Sunday of the Western churches: -2 is Good Friday, 39 Ascension Day. */
  | ({ readonly kind: 'easter'; readonly days: number } & Years)
  /** The `nth` such weekday of a month, 1 to 5; -1 is the last. A month without a fifth has none. */
  | ({
      readonly kind: 'weekday';
      readonly month: number;
      readonly weekday: Weekday;
      readonly nth: number;
    } & Years);

/** How a fiscal year is cut into periods. It has the number of the calendar year in which it ends, or `named: 'start'` begins. */
export type FiscalYear =
  /** Twelve calendar months from `start`, 1 to 12. */
  | { readonly kind: 'months'; readonly start: number; readonly named?: 'start' | 'end' }
  /** Whole weeks: the year ends on the last such weekday of a month, or on the one nearest to the month's end. */
  | {
      readonly kind: 'weeks';
      /** Weeks of the three periods of each quarter. */
      readonly pattern: '4-4-5' | '4-5-4' | '5-4-4';
      readonly ends: {
        readonly month: number;
        readonly weekday: Weekday;
        readonly rule: 'last' | 'nearest';
      };
      readonly named?: 'start' | 'end';
      /** The period that takes the 53rd week of a long year. @default 12 */
      readonly longPeriod?: number;
    }
  /** Periods one by one, without gaps, numbered within their fiscal year. */
  | {
      readonly kind: 'listed';
      readonly periods: readonly {
        readonly year: number;
        readonly from: string;
        readonly to: string;
      }[];
    };

/** When a company works and closes its books. */
export interface Calendar {
  readonly kind: 'calendar';
  readonly name: string;
  /** Codes of the companies that go by it; `*` is every company without one of its own, and the group. */
  readonly companies: readonly string[];
  /** IANA name, for example `Europe/Berlin`. */
  readonly timeZone: string;
  readonly weekend: readonly Weekday[];
  readonly holidays: readonly Holiday[];
  readonly fiscalYear: FiscalYear;
}

const month = z.int().min(1).max(12);
const weekday = z.enum(weekdays);
const years = { since: z.int().optional(), until: z.int().optional() };
const named = z.enum(['start', 'end']).optional();
const holidaySchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('once'), date: z.iso.date() }),
  z
    .strictObject({
      kind: z.literal('yearly'),
      ...{ month, day: z.int().min(1).max(31), observed: z.enum(['nearest', 'next']).optional() },
      ...years,
    })
    // A leap year, so that 29 February may be one.
    .refine(
      (rule) => rule.day <= Number(Day.monthEnd(`2000-${twoDigits(rule.month)}-01`).slice(8)),
      {
        path: ['day'],
        error: 'is none of that month',
      },
    ),
  z.strictObject({ kind: z.literal('easter'), days: z.int().min(-100).max(250), ...years }),
  z.strictObject({
    kind: z.literal('weekday'),
    ...{ month, weekday, nth: z.union([z.literal(-1), z.int().min(1).max(5)]) },
    ...years,
  }),
]);
const listedSchema = z
  .array(z.strictObject({ year: z.int(), from: z.iso.date(), to: z.iso.date() }))
  .min(1)
  .superRefine((periods, context) => {
    for (const [index, { year, from, to }] of periods.entries()) {
      const earlier = periods[index - 1];
      if (to < from)
        context.addIssue({ code: 'custom', path: [index], message: 'ends before it begins' });
      if (earlier && (from !== Day.add(earlier.to, 1) || year < earlier.year)) {
        context.addIssue({
          code: 'custom',
          path: [index],
          message: `must begin on the day after ${earlier.to}, in the same fiscal year or a later one`,
        });
      }
    }
  });
const fiscalYearSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('months'), start: month, named }),
  z.strictObject({
    kind: z.literal('weeks'),
    pattern: z.enum(['4-4-5', '4-5-4', '5-4-4']),
    ends: z.strictObject({ month, weekday, rule: z.enum(['last', 'nearest']) }),
    ...{ named, longPeriod: month.optional() },
  }),
  z.strictObject({ kind: z.literal('listed'), periods: listedSchema }),
]);
const calendarSchema = z.strictObject({
  kind: z.literal('calendar'),
  name: z.string().min(1),
  companies: z.array(z.string().min(1)).min(1),
  timeZone: z.string().refine(isTimeZone, 'must be an IANA time zone, for example Europe/Berlin'),
  weekend: z.array(weekday).refine((days) => new Set(days).size < 7, 'leaves no day to work on'),
  holidays: z.array(holidaySchema),
  fiscalYear: fiscalYearSchema,
});

/**
 * Declares a calendar. @default weekends on Saturday and Sunday, no holidays, calendar months from January
 * @throws CALENDAR_INVALID
 */
export function defineCalendar(
  declaration: Pick<Calendar, 'name' | 'companies' | 'timeZone'> &
    Partial<Omit<Calendar, 'kind' | 'name' | 'companies' | 'timeZone'>>,
): Calendar {
  const calendar: Calendar = {
    kind: 'calendar',
    weekend: ['saturday', 'sunday'],
    holidays: [],
    fiscalYear: { kind: 'months', start: 1 },
    ...declaration,
  };
  checkCalendars([calendar]);
  return Object.freeze(calendar);
}

/** Refuses calendars that cannot be, and two for one company. @throws CALENDAR_INVALID */
export function checkCalendars(calendars: readonly Calendar[]): void {
  const owners = new Map<string, string>();
  for (const calendar of calendars) {
    const parsed = calendarSchema.safeParse(calendar);
    const issue = parsed.error?.issues[0];
    if (issue) {
      const where = issue.path.join('.') || 'declaration';
      throw invalid(`Calendar '${calendar?.name}': field '${where}' ${issue.message}.`);
    }
    for (const company of calendar.companies) {
      const other = owners.get(company);
      if (other !== undefined) {
        throw invalid(`Company '${company}' goes by '${other}' and '${calendar.name}'; name one.`);
      }
      owners.set(company, calendar.name);
    }
  }
}

/** The calendar that a company goes by; null asks for the group's. @throws CALENDAR_INVALID when it has none */
export function calendarFor(calendars: readonly Calendar[], company: string | null): Calendar {
  const goingBy = (code: string) => calendars.find((each) => each.companies.includes(code));
  const found = (company === null ? undefined : goingBy(company)) ?? goingBy('*');
  if (found) return found;
  throw invalid(
    `${company === null ? 'The group' : `Company '${company}'`} has no calendar; list one in \`calendars\` of tutti.config.ts, for the company or for '*'.`,
  );
}

/** 1 is Monday, 7 is Sunday, as `Day.weekday` counts. */
export function weekdayNumber(name: Weekday): number {
  return weekdays.indexOf(name) + 1;
}

/** A number of a day or month as dates write it. */
export function twoDigits(number: number): string {
  return String(number).padStart(2, '0');
}

function invalid(message: string): EngineError {
  return new EngineError('CALENDAR_INVALID', message);
}
