import { defineTool, Id, z } from 'tutti';

/** Keeps a bill from being paid. */
export const placeHold = defineTool({
  name: 'finance.hold.place',
  description: 'Blocks a vendor bill from payment until a person releases it.',
  effect: 'write',
  parameters: z.object({
    bill: Id('bill'),
    /** The version of the bill that the judgement rests on. */
    expect: z.string(),
    reason: z.enum(['quantity', 'price', 'receipt', 'duplicate']),
  }),
  result: z.object({ version: z.string() }),
  key: ({ bill, reason }) => [bill, reason],
  scope: 'run',
  undo: { action: 'release' },
  binds: () => ['number', 'total', 'lines', 'hold'],
  amount: async ({ bill }, { erp }) => (await erp.bill.get(bill)).total,
  duty: 'hold_invoice',
  category: 'payables',
}).handler(async ({ bill, expect, reason }, { erp }) => {
  const { version } = await erp.bill.act(bill, 'hold', { reason }, { expect });
  return { version };
});
