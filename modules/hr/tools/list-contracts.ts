import { Day, defineTool, Id, Money, z } from 'tutti';
import { paidIn } from '../paid-in.ts';

/** What was agreed. */
export const listContracts = defineTool({
  name: 'hr.contract.list',
  description:
    "Lists the employment contracts of those whom a department's draft payslips pay, that are in force on at least one day of the open month, earliest first.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ department: Id('department') }),
  result: z.object({
    contracts: z.array(
      z.object({
        employee: Id('employee'),
        number: z.string(),
        rate: Money,
        from: z.iso.date(),
        to: z.iso.date().nullable(),
      }),
    ),
  }),
}).handler(async ({ department }, { erp, today }) => {
  const contracts = await erp.employment_contract.list(
    { ...(await paidIn(erp, department, today)), from: { lte: Day.monthEnd(today) } },
    { order: [{ field: 'from' }] },
  );
  return {
    contracts: contracts
      .filter((contract) => contract.to === null || contract.to >= Day.monthStart(today))
      .map(({ employee, number, rate, from, to }) => ({ employee, number, rate, from, to })),
  };
});
