import { Day, type Draft, type Row, type SampleWorld } from 'tutti';
import { completeWeeks } from '../work-week.ts';
import type { WorkCalendar } from './calendar.ts';
import { type Absence, addLeaves, daysOf, drawAbsences } from './leaves.ts';
import { remark } from './remark.ts';
import { placeOf, type Staff } from './staff.ts';
import { type Work, workWeek } from './week.ts';
import { drawWeekFact, type WeekFact } from './week-fact.ts';

/** What is known of an employee's last weeks before they are written down. */
interface Past {
  readonly staff: Staff;
  readonly calendar: WorkCalendar;
  readonly fact: WeekFact | null;
  readonly absences: readonly Absence[];
}

interface Plan {
  readonly staff: Staff;
  readonly week: string;
  readonly status: Row<'timesheet'>['status'];
  readonly lines: readonly Work[];
  /** What happened in this week, if it is the one. */
  readonly fact: WeekFact | null;
}

/** Adds leaves, five weeks of timesheets with the facts about hours, and drafts of the week that is under way. */
export function addTimesheets(
  world: SampleWorld,
  staff: readonly Staff[],
  calendars: ReadonlyMap<string, WorkCalendar>,
): readonly Draft<'timesheet'>[] {
  const weeks = completeWeeks(world.asOf, 5);
  const pasts = staff.flatMap((each): readonly Past[] => {
    const calendar = calendars.get(each.employee.company);
    if (!calendar) return [];
    const fact = drawWeekFact(world, { staff: each, weeks, calendar });
    const absences = [...drawAbsences(world, each), ...(fact?.leave ? [fact.leave] : [])];
    return [{ staff: each, calendar, fact, absences }];
  });
  const leaves = addLeaves(
    world,
    new Map(
      pasts.flatMap((past) => past.absences.map((absence) => [absence, past.staff] as const)),
    ),
  );
  const plans = pasts.flatMap((past) => plansOf(world, past, weeks));
  const sheets = world.random.shuffle(plans).map((plan, index) => {
    const sheet = addSheet(world, plan, index);
    expectFinding(world, plan, { sheet, leaves });
    return sheet;
  });
  expectMissing(world, staff);
  return sheets;
}

function plansOf(world: SampleWorld, past: Past, weeks: readonly string[]): readonly Plan[] {
  const { staff, calendar, absences } = past;
  const current = Day.monday(world.asOf);
  const left = staff.employee.leftOn;
  const leaveDays = daysOf(absences);
  return [...weeks, current].flatMap((week): readonly Plan[] => {
    // Nobody fills in the future, and not everybody the week that is under way.
    if (week === current && world.random.chance(0.4)) return [];
    if (past.fact?.absent.includes(week)) return [];
    const limit = week === current ? world.asOf : Day.add(week, 7);
    const before = left !== null && left < limit ? Day.add(left, 1) : limit;
    const { holidays, maximum } = calendar;
    const ordinary = workWeek(world, { staff, week, before, holidays, leaveDays, maximum });
    const fact = past.fact?.week === week ? past.fact : null;
    const lines = fact ? fact.change(ordinary) : ordinary;
    if (lines.length === 0) return [];
    const settled = week === weeks.at(-1) ? 'submitted' : 'approved';
    const status = fact?.draft || week === current ? 'draft' : settled;
    return [{ staff, week, status, lines, fact }];
  });
}

function addSheet(world: SampleWorld, plan: Plan, index: number): Draft<'timesheet'> {
  return world.add('timesheet', {
    number: `TS${String(index + 1).padStart(7, '0')}`,
    ...placeOf(plan.staff),
    week: plan.week,
    status: plan.status,
    memo: remark(world, plan.fact !== null),
    lines: plan.lines.map(({ date, kind, startMinute, minutes, approval }) => ({
      date,
      kind,
      startMinute,
      hours: String(minutes / 60),
      approval,
    })),
  });
}

function expectFinding(
  world: SampleWorld,
  { staff, fact }: Plan,
  of: {
    readonly sheet: Draft<'timesheet'>;
    readonly leaves: ReadonlyMap<Absence, Draft<'leave'>>;
  },
): void {
  if (!fact?.finding) return;
  const leave = fact.leave && of.leaves.get(fact.leave);
  world.expect({
    agent: 'hr.timesheet_exceptions',
    kind: `timesheet.${fact.finding}`,
    company: staff.employee.company,
    records: [
      { entity: 'timesheet', id: of.sheet.id },
      ...(leave ? [{ entity: 'leave' as const, id: leave.id }] : []),
    ],
  });
}

function expectMissing(world: SampleWorld, staff: readonly Staff[]): void {
  for (const { employee } of staff.filter((each) => each.fact === 'missing')) {
    world.expect({
      agent: 'hr.timesheet_exceptions',
      kind: 'timesheet.missing',
      company: employee.company,
      records: [{ entity: 'employee', id: employee.id }],
    });
  }
}
