import { Day, Decimal, defineTool, Id, Money, type Row, z } from 'tutti';
import { periodOf } from '../period.ts';

/** What would be paid. */
export const listPayslips = defineTool({
  name: 'hr.payslip.list',
  description:
    "Lists a department's draft payslips of the open month, each with the employee's last day of employment and, of a regular one, the regular payslip that pays the month already.",
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
        /** Another regular payslip by the company for the month, in whatever department: a posted one, or the first draft. */
        first: z.object({ id: Id('payslip'), number: z.string() }).nullable(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const period = periodOf(today);
  const drafts = await erp.payslip.list(
    { department, period, status: 'draft' },
    { order: [{ field: 'number' }] },
  );
  const paid = [...new Set(drafts.map((slip) => slip.employee))];
  const [employees, regular] = await Promise.all([
    erp.employee.list({ id: { in: paid } }),
    erp.payslip.list(
      { employee: { in: paid }, period, kind: 'regular', status: { in: ['draft', 'posted'] } },
      { order: [{ field: 'number' }] },
    ),
  ]);
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
      first: firstBeside(slip, regular),
    })),
  };
});

/** What pays a regular payslip's month already, or null when it is itself the first. `regular` comes by number. */
function firstBeside(
  slip: Row<'payslip'>,
  regular: readonly Row<'payslip'>[],
): Pick<Row<'payslip'>, 'id' | 'number'> | null {
  const own = regular.filter(
    ({ employee, company }) => employee === slip.employee && company === slip.company,
  );
  const first = own.find(({ status }) => status === 'posted') ?? own[0];
  if (slip.kind !== 'regular' || !first || first.id === slip.id) return null;
  return { id: first.id, number: first.number };
}
