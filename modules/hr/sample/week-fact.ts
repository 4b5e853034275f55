import { Day, type SampleWorld } from 'tutti';
import { workdaysOf } from '../work-week.ts';
import type { WorkCalendar } from './calendar.ts';
import type { TimesheetFact } from './fact.ts';
import type { Absence } from './leaves.ts';
import type { Staff } from './staff.ts';
import { approvalNumber, dailyMinutes, type Work } from './week.ts';

/** What happened in one week of an employee, planted or a look-alike. */
export interface WeekFact {
  readonly week: string;
  /** The finding that must report it on the week's timesheet; null for look-alikes. */
  readonly finding: TimesheetFact | null;
  /** Weeks without a timesheet. */
  readonly absent: readonly string[];
  readonly draft: boolean;
  readonly leave: Absence | null;
  /** Turns the week's ordinary lines into what was booked. */
  readonly change: (lines: readonly Work[]) => readonly Work[];
}

interface Scene {
  readonly staff: Staff;
  /** The last complete weeks. */
  readonly weeks: readonly string[];
  readonly calendar: WorkCalendar;
}

/** Draws what happened to an employee whose fact is about hours; null for all others. */
export function drawWeekFact(world: SampleWorld, scene: Scene): WeekFact | null {
  const { random } = world;
  const { fact } = scene.staff;
  const week = random.pick(scene.weeks);
  const plain = { week, finding: null, absent: [], draft: false, leave: null, change: same };
  switch (fact) {
    case 'impossible_day':
    case 'over_maximum':
    case 'full_day':
    case 'approved_overtime':
    case 'overlap':
    case 'back_to_back': {
      const date = random.pick(openDays(scene, week));
      const planted = fact === 'impossible_day' || fact === 'over_maximum' || fact === 'overlap';
      const lines = unusualDay(world, scene, { date, fact });
      return { ...plain, finding: planted ? fact : null, change: replacing(date, lines) };
    }
    case 'holiday':
    case 'approved_holiday':
      return { ...plain, ...workedHoliday(world, scene, fact) };
    case 'on_leave':
    case 'declined_leave':
      return { ...plain, ...workedLeave(world, scene, { week, fact }) };
    case 'not_submitted':
      return { ...plain, finding: fact, draft: true };
    case 'missing':
      return { ...plain, absent: random.shuffle(scene.weeks).slice(0, random.integer(1, 2)) };
    case 'whole_leave':
      return {
        ...plain,
        absent: [week],
        leave: { from: week, to: Day.add(week, random.pick([4, 6])), status: 'approved' },
      };
    default:
      return null;
  }
}

const same = (lines: readonly Work[]): readonly Work[] => lines;

/** Work days of a week that are no holiday. */
function openDays({ calendar }: Scene, week: string): readonly string[] {
  return workdaysOf(week).filter((day) => !calendar.holidays.has(day));
}

function replacing(date: string, by: readonly Work[]): WeekFact['change'] {
  return (lines) => [
    ...lines.filter((line) => line.date < date),
    ...by,
    ...lines.filter((line) => line.date > date),
  ];
}

type UnusualDay =
  | 'impossible_day'
  | 'over_maximum'
  | 'full_day'
  | 'approved_overtime'
  | 'overlap'
  | 'back_to_back';

function unusualDay(
  world: SampleWorld,
  { staff, calendar }: Scene,
  { date, fact }: { readonly date: string; readonly fact: UnusualDay },
): readonly Work[] {
  const { random } = world;
  const line = { date, kind: 'work' as const, startMinute: staff.startMinute, approval: null };
  const extra = 15 * random.integer(1, 8);
  switch (fact) {
    case 'impossible_day':
      return impossible(world, line);
    case 'over_maximum':
      return [{ ...line, startMinute: 360, minutes: calendar.maximum + extra }];
    case 'full_day':
      return [{ ...line, startMinute: 360, minutes: calendar.maximum }];
    case 'approved_overtime': {
      const approval = approvalNumber(world);
      return [{ ...line, startMinute: 360, minutes: calendar.maximum + extra, approval }];
    }
    default: {
      const half = dailyMinutes(staff) / 2;
      const early = fact === 'overlap' ? 15 * random.integer(1, 6) : 0;
      const second = staff.startMinute + half - early;
      return [
        { ...line, minutes: half },
        { ...line, startMinute: second, minutes: half },
      ];
    }
  }
}

/** A typing error of the kind 26 for 2.6 or 8: in one line or spread over two. */
function impossible(world: SampleWorld, line: Omit<Work, 'minutes'>): readonly Work[] {
  const minutes = 24 * 60 + 15 * world.random.integer(1, 32);
  if (world.random.chance(0.5)) return [{ ...line, minutes }];
  const first = 15 * Math.floor(minutes / 30);
  return [
    { ...line, minutes: first },
    { ...line, startMinute: line.startMinute + 60, minutes: minutes - first },
  ];
}

function workedHoliday(
  world: SampleWorld,
  { staff, weeks, calendar }: Scene,
  fact: 'holiday' | 'approved_holiday',
): Partial<WeekFact> {
  const week = weeks.find((each) => workdaysOf(each).some((day) => calendar.holidays.has(day)));
  const date = workdaysOf(week ?? '').find((day) => calendar.holidays.has(day));
  if (week === undefined || date === undefined) return {};
  const approval = fact === 'holiday' ? null : approvalNumber(world);
  const { startMinute } = staff;
  const minutes = dailyMinutes(staff);
  const change = replacing(date, [{ date, kind: 'work', startMinute, minutes, approval }]);
  return { week, finding: fact === 'holiday' ? fact : null, change };
}

/** A leave of one to four days; on one of them, or on all when it was not approved, the employee worked. */
function workedLeave(
  world: SampleWorld,
  scene: Scene,
  { week, fact }: { readonly week: string; readonly fact: 'on_leave' | 'declined_leave' },
): Partial<WeekFact> {
  const { random } = world;
  const date = random.pick(openDays(scene, week));
  const absence = {
    from: later(Day.add(date, -random.integer(0, 2)), week),
    to: earlier(Day.add(date, random.integer(0, 1)), Day.add(week, 4)),
  };
  if (fact === 'declined_leave') {
    return { leave: { ...absence, status: random.pick(['requested', 'refused', 'cancelled']) } };
  }
  const { startMinute } = scene.staff;
  const minutes = dailyMinutes(scene.staff);
  const worked = [{ date, kind: 'work' as const, startMinute, minutes, approval: null }];
  return {
    finding: fact,
    leave: { ...absence, status: 'approved' },
    change: replacing(date, worked),
  };
}

function later(a: string, b: string): string {
  return a > b ? a : b;
}

function earlier(a: string, b: string): string {
  return a < b ? a : b;
}
