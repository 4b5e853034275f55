import { Day, Decimal, defineTool, Id, Money, z } from 'tutti';
import { periodOf } from '../period.ts';

/** What would be paid. */
export const listPayslips = defineTool({
  name: 'hr.payslip.list',
  description:
    "Lists a department's draft payslips of the open month, each with the employee's last day of employment.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    /** The first day of the open month. */
    from: z.iso.date(),
    payslips: z.array(
      z.object({
        id: Id('payslip'),
        version: z.string(),
        number: z.string(),
        employee: Id('employee'),
        company: z.string(),
        kind: z.enum(['regular', 'correction']),
        pay: z.enum(['hourly', 'monthly']),
        rate: Money,
        hours: Decimal,
        gross: Money,
        leftOn: z.iso.date().nullable(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const period = periodOf(today);
  const drafts = await erp.payslip.list(
    { department, period, status: 'draft' },
    { order: [{ field: 'number' }] },
  );
  const employees = await erp.employee.list({
    id: { in: [...new Set(drafts.map((slip) => slip.employee))] },
  });
  const leftOn = new Map(employees.map((employee) => [employee.id, employee.leftOn]));
  return {
    from: Day.monthStart(today),
    payslips: drafts.map((slip) => ({
      id: slip.id,
      version: slip.version,
      number: slip.number,
      employee: slip.employee,
      company: slip.company,
      kind: slip.kind,
      pay: slip.pay,
      rate: slip.rate,
      hours: slip.hours,
      gross: slip.gross,
      leftOn: leftOn.get(slip.employee) ?? null,
    })),
  };
});
