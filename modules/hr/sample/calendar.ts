import { Day, type SampleWorld } from 'tutti';
import { completeWeeks, workdaysOf } from '../work-week.ts';

/** The rules and holidays of a company, as its timesheets are made. */
export interface WorkCalendar {
  /** Minutes a day may have without approval. */
  readonly maximum: number;
  readonly holidays: ReadonlySet<string>;
}

/**
 * Hours of a working day by country. Germany: ArbZG section 3. Great Britain: Working Time Regulations 1998, regulation 10 (11 hours of
 * rest). Poland: Labour Code article 135. The United States have no limit in law; the figure is the group's own.
 */
const dailyMaximum: Readonly<Record<string, number>> = { DE: 10, GB: 13, PL: 12, US: 14 };

/** Adds each company's labour rule and public holidays: one in the last five weeks, the others over the year. */
export function addCalendars(world: SampleWorld): ReadonlyMap<string, WorkCalendar> {
  const { random } = world;
  return new Map(
    world.all('company').map((company) => {
      const hours = dailyMaximum[company.country] ?? 12;
      world.add('labour_rule', { company: company.code, dailyMaximum: String(hours) });
      const recent = completeWeeks(world.asOf, 5);
      const other = [-200, -180, -150, -120, -90, -60, 20, 60, 100, 140].map((days) =>
        Day.add(world.asOf, days + random.integer(0, 12)),
      );
      const inView = random.pick(workdaysOf(random.pick(recent.slice(1, 4))));
      const holidays = new Set([inView, ...other]);
      for (const date of random.shuffle([...holidays])) {
        world.add('public_holiday', { company: company.code, date });
      }
      return [company.code, { maximum: hours * 60, holidays }];
    }),
  );
}
