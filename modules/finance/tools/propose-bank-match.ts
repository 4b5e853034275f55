import { defineTool, Id, z } from 'tutti';

/** Pairs for somebody to confirm. */
export const proposeBankMatch = defineTool({
  name: 'finance.bank_match.propose',
  description:
    'Drafts the pairing of statement lines with payments for whoever reconciles the account.',
  effect: 'propose',
  parameters: z.object({
    account: Id('bank_account'),
    pairs: z.array(z.object({ line: Id('bank_line'), payment: Id('payment') })).min(1),
  }),
  result: z.object({ match: Id('bank_match') }),
  key: ({ account }) => [account],
  scope: 'run',
  undo: { action: 'discard' },
  lineage: ({ pairs }) => pairs.map(({ payment }) => ({ entity: 'payment', id: payment })),
  duty: 'reconcile_bank',
  category: 'bank',
}).handler(async ({ account, pairs }, { erp, today }) => {
  const { id } = await erp.bank_match.create({
    account,
    date: today,
    status: 'draft',
    lines: pairs,
  });
  return { match: id };
});
