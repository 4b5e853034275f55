import { Decimal, defineTool, Money, z } from 'tutti';

/** How exact a bill must be. */
export const getTolerances = defineTool({
  name: 'finance.tolerance.get',
  description: 'Reads how far bills of the given companies may lie from their orders.',
  effect: 'read',
  parameters: z.object({ companies: z.array(z.string()).max(100) }),
  result: z.array(z.object({ company: z.string(), amount: Money, percent: Decimal })),
  category: 'payables',
}).handler(async ({ companies }, { erp }) => {
  const found = await erp.match_tolerance.list({ company: { in: companies } });
  return found.map(({ company, amount, percent }) => ({ company, amount, percent }));
});
