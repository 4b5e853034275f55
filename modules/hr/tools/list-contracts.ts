import { defineTool, Id, Money, z } from 'tutti';
import { firstDayOf, lastDayOf, periodOf } from '../period.ts';

export const listContracts = defineTool({
  name: 'hr.contract.list',
  description:
    "Lists a department's employment contracts that are in force on at least one day of the open month, earliest first.",
  effect: 'read',
  category: 'payroll',
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
  const period = periodOf(today);
  const contracts = await erp.employment_contract.list(
    { department, from: { lte: lastDayOf(period) } },
    { order: [{ field: 'from' }] },
  );
  return {
    contracts: contracts
      .filter((contract) => contract.to === null || contract.to >= firstDayOf(period))
      .map(({ employee, number, rate, from, to }) => ({ employee, number, rate, from, to })),
  };
});
