import { Decimal, defineTool, Id, z } from 'tutti';
import { costPayroll, toleranceOf } from '../payroll-cost.ts';
import { periodOf, previousPeriod } from '../period.ts';

/** What a month of wages costs. */
export const totalPayroll = defineTool({
  name: 'hr.payroll.total',
  description:
    "Totals a company's payslips by department, of the open month or of the last closed one, with the tolerance for each department's accrual.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ company: z.string(), month: z.enum(['open', 'closed']) }),
  result: z.object({
    /** `YYYY-MM` */
    period: z.string(),
    currency: z.string(),
    departments: z.array(
      z.object({
        department: Id('department'),
        payslips: z.int(),
        gross: Decimal,
        tolerance: Decimal,
      }),
    ),
    total: Decimal,
  }),
}).handler(async ({ company, month }, { erp, today }) => {
  const open = periodOf(today);
  const period = month === 'open' ? open : previousPeriod(open);
  const { currency, departments } = await costPayroll(erp, { company, period });
  return {
    period,
    currency,
    departments: departments.map((each) => ({ ...each, tolerance: toleranceOf(each.gross) })),
    total: Decimal.sum(departments.map((each) => each.gross)),
  };
});
