import { Day, Decimal, defineTool, Id, type Row, z } from 'tutti';
import { hoursOfDay } from '../deviation.ts';
import { completeWeeks, weeksBack, workdaysOf } from '../work-week.ts';

/** How long employees may work, and what they owe. */
export const listSchedules = defineTool({
  name: 'hr.schedule.list',
  description:
    "Lists a department's employees with the hours that one day may have without approval, and the weeks for which each owes a timesheet.",
  effect: 'read',
  category: 'time',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    employees: z.array(
      z.object({
        id: Id('employee'),
        number: z.string(),
        company: z.string(),
        dailyMaximum: Decimal,
        owedWeeks: z.array(z.iso.date()),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const weeks = completeWeeks(today, weeksBack);
  const [from = today] = weeks;
  const employees = await erp.employee.list({ department }, { order: [{ field: 'number' }] });
  const employee = { in: employees.map(({ id }) => id) };
  const company = { in: [...new Set(employees.map((each) => each.company))] };
  const [schedules, leaves, rules, holidays] = await Promise.all([
    erp.work_schedule.list({ employee }),
    erp.leave.list({ employee, status: 'approved', to: { gte: from } }),
    erp.labour_rule.list({ company }),
    erp.public_holiday.list({ company, date: { gte: from, lt: Day.add(from, 7 * weeksBack) } }),
  ]);
  const scheduled = new Set<string>(schedules.map((schedule) => schedule.employee));
  return {
    employees: employees.map((employee) => ({
      id: employee.id,
      number: employee.number,
      company: employee.company,
      dailyMaximum:
        rules.find((rule) => rule.company === employee.company)?.dailyMaximum ?? hoursOfDay,
      owedWeeks: scheduled.has(employee.id)
        ? weeks.filter((monday) => owes(employee, monday, { leaves, holidays }))
        : [],
    })),
  };
});

interface DaysOff {
  readonly leaves: readonly Row<'leave'>[];
  readonly holidays: readonly Row<'public_holiday'>[];
}

/** A timesheet is due when the employee was employed Monday to Friday, and not on leave or a public holiday on all five days. */
function owes(employee: Row<'employee'>, monday: string, { leaves, holidays }: DaysOff): boolean {
  if (employee.hiredOn > monday) return false;
  if (employee.leftOn !== null && employee.leftOn < Day.add(monday, 4)) return false;
  const own = leaves.filter((leave) => leave.employee === employee.id);
  const free = new Set(
    holidays.filter((each) => each.company === employee.company).map(({ date }) => date),
  );
  return workdaysOf(monday).some(
    (day) => !free.has(day) && !own.some((leave) => leave.from <= day && day <= leave.to),
  );
}
