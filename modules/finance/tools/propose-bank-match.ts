import { defineTool, Id, z } from 'tutti';

/** Pairs for somebody to confirm. */
export const proposeBankMatch = defineTool({
  name: 'finance.bank_match.propose',
  description:
    'Drafts the pairing of statement lines with payments for whoever reconciles the account; pairs that another draft has are left out.',
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
  const wanted = new Set(pairs.map(nameOf));
  const match = await erp.bank_match.findOrCreate({ account }, (all) => {
    const matches = all.filter(({ status }) => status !== 'discarded');
    const taken = new Set(matches.flatMap((each) => each.lines.map(nameOf)));
    const lines = pairs.filter((pair) => !taken.has(nameOf(pair)));
    const last = matches.findLast((each) => each.lines.some((pair) => wanted.has(nameOf(pair))));
    return lines.length === 0 && last ? last : { date: today, status: 'draft', lines };
  });
  return { match: match.id };
});

function nameOf({ line, payment }: { readonly line: string; readonly payment: string }): string {
  return JSON.stringify([line, payment]);
}
