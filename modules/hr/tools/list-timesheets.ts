import { Day, Decimal, defineTool, Id, type Row, z } from 'tutti';
import { deviationsOf, overlapping, type Plan } from '../deviation.ts';
import { completeWeeks, weeksBack } from '../work-week.ts';

/** What employees say they worked, where it differs from the plan. */
export const listTimesheets = defineTool({
  name: 'hr.timesheet.list',
  description:
    "Lists the timesheets of a department's employees of the last five complete weeks, each with the days that differ from the plan and whether its times overlap.",
  effect: 'read',
  category: 'time',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    timesheets: z.array(
      z.object({
        id: Id('timesheet'),
        number: z.string(),
        employee: Id('employee'),
        week: z.iso.date(),
        status: z.enum(['draft', 'submitted', 'approved']),
        deviations: z.array(
          z.object({
            date: z.iso.date(),
            hours: Decimal,
            approved: z.boolean(),
            holiday: z.boolean(),
            leave: Id('leave').nullable(),
          }),
        ),
        overlaps: z.boolean(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const weeks = completeWeeks(today, weeksBack);
  const [from = today] = weeks;
  const employees = await erp.employee.list({ department });
  // What belongs to the employees, not to the department: who has moved keeps records that name the department before.
  const employee = { in: employees.map(({ id }) => id) };
  const [sheets, schedules, leaves] = await Promise.all([
    erp.timesheet.list({ employee, week: { in: weeks } }, { order: [{ field: 'number' }] }),
    erp.work_schedule.list({ employee }),
    erp.leave.list({ employee, status: 'approved', to: { gte: from } }),
  ]);
  const company = { in: [...new Set(sheets.map((sheet) => sheet.company))] };
  const [rules, holidays] = await Promise.all([
    erp.labour_rule.list({ company }),
    erp.public_holiday.list({ company, date: { gte: from, lt: Day.add(from, 7 * weeksBack) } }),
  ]);
  const overlaps = overlapsOf(sheets);
  return {
    timesheets: sheets.map((sheet) => ({
      id: sheet.id,
      number: sheet.number,
      employee: sheet.employee,
      week: sheet.week,
      status: sheet.status,
      deviations: [...deviationsOf(sheet, planOf(sheet, { schedules, leaves, holidays, rules }))],
      overlaps: overlaps.has(sheet.id),
    })),
  };
});

interface Facts {
  readonly schedules: readonly Row<'work_schedule'>[];
  readonly leaves: readonly Row<'leave'>[];
  readonly holidays: readonly Row<'public_holiday'>[];
  readonly rules: readonly Row<'labour_rule'>[];
}

function planOf(sheet: Row<'timesheet'>, facts: Facts): Plan {
  const own = facts.schedules.filter((each) => each.employee === sheet.employee);
  // Who has moved may have a schedule in either department: the week was worked by that of its own.
  const schedule = own.find((each) => each.department === sheet.department) ?? own[0];
  const planned = schedule?.dailyHours ?? '0';
  const maximum = facts.rules.find((rule) => rule.company === sheet.company)?.dailyMaximum;
  return {
    // A schedule permits nothing that the law does not.
    dailyHours: maximum !== undefined && Decimal.isAbove(planned, maximum) ? maximum : planned,
    holidays: new Set(
      facts.holidays.filter((day) => day.company === sheet.company).map((day) => day.date),
    ),
    leaves: facts.leaves.filter((leave) => leave.employee === sheet.employee),
  };
}

function overlapsOf(sheets: readonly Row<'timesheet'>[]): ReadonlySet<string> {
  const byEmployee = Map.groupBy(sheets, (sheet) => sheet.employee);
  return new Set([...byEmployee.values()].flatMap((own) => [...overlapping(own)]));
}
