import { Day, defineTool, Id, Money, type Row, z } from 'tutti';
import { paidIn } from '../paid-in.ts';
import { periodOf } from '../period.ts';

/** What was paid before. */
export const listPayslipHistory = defineTool({
  name: 'hr.payslip_history.list',
  description:
    "Lists, for those whom a department's draft payslips pay, the rate of the last regular payslip among the three months before the open one.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    rates: z.array(z.object({ employee: Id('employee'), period: z.string(), rate: Money })),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const periods = [-3, -2, -1].map((months) => periodOf(Day.monthStart(today, months)));
  const slips = await erp.payslip.list(
    {
      ...(await paidIn(erp, department, today)),
      kind: 'regular',
      status: 'posted',
      period: { in: periods },
    },
    { order: [{ field: 'period', descending: true }] },
  );
  const latest = new Map<string, Row<'payslip'>>();
  for (const slip of slips) {
    if (!latest.has(slip.employee)) latest.set(slip.employee, slip);
  }
  return {
    rates: [...latest.values()].map(({ employee, period, rate }) => ({ employee, period, rate })),
  };
});
