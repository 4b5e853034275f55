import { Decimal, defineTool, Id, z } from 'tutti';
import { paidIn } from '../paid-in.ts';
import { payrollWeeks, periodOf } from '../period.ts';

/** What must be paid by the hour. */
export const totalTimesheets = defineTool({
  name: 'hr.timesheet.total',
  description:
    "Totals, for those whom a department's draft payslips pay, the hours on submitted and approved timesheets of the weeks that the open month's payroll pays for.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    totals: z.array(z.object({ employee: Id('employee'), hours: Decimal })),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const sheets = await erp.timesheet.list({
    ...(await paidIn(erp, department, today)),
    week: { in: payrollWeeks(periodOf(today), today) },
    status: { in: ['submitted', 'approved'] },
  });
  const byEmployee = Map.groupBy(sheets, (sheet) => sheet.employee);
  return {
    totals: [...byEmployee].map(([employee, own]) => ({
      employee,
      hours: Decimal.sum(own.flatMap((sheet) => sheet.lines.map((line) => line.hours))),
    })),
  };
});
