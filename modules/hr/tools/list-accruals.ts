import { Decimal, defineTool, Id, z } from 'tutti';
import { periodOf, previousPeriod } from '../period.ts';

/** What was accrued already. */
export const listAccruals = defineTool({
  name: 'hr.accrual.list',
  description:
    "Lists a company's drafted and posted payroll accruals of the open month and of the last closed one, by department.",
  effect: 'read',
  category: 'payroll',
  sensitive: true,
  parameters: z.object({ company: z.string() }),
  result: z.object({
    accruals: z.array(
      z.object({
        id: Id('payroll_accrual'),
        number: z.string(),
        period: z.string(),
        kind: z.enum(['regular', 'correction']),
        status: z.enum(['draft', 'posted', 'withdrawn']),
        lines: z.array(z.object({ department: Id('department'), amount: Decimal })),
      }),
    ),
  }),
}).handler(async ({ company }, { erp, today }) => {
  const open = periodOf(today);
  const accruals = await erp.payroll_accrual.list(
    {
      company,
      period: { in: [previousPeriod(open), open] },
      status: { in: ['draft', 'posted'] },
    },
    { order: [{ field: 'number' }] },
  );
  return {
    accruals: accruals.map(({ id, number, period, kind, status, lines }) => ({
      id,
      number,
      period,
      kind,
      status,
      lines: lines.map(({ department, amount }) => ({ department, amount })),
    })),
  };
});
