import { defineTool, Id, Money, z } from 'tutti';

/** What the bank says. */
export const listStatementLines = defineTool({
  name: 'finance.bank_line.list_open',
  description:
    'Lists the statement lines of a bank account that are not matched yet, oldest first; outgoing amounts are negative.',
  effect: 'read',
  parameters: z.object({ account: Id('bank_account') }),
  result: z.object({
    company: z.string(),
    lines: z.array(
      z.object({
        id: Id('bank_line'),
        date: z.iso.date(),
        kind: z.enum(['transfer', 'fee']),
        amount: Money,
        reference: z.string().nullable(),
      }),
    ),
  }),
  category: 'bank',
  sensitive: true,
}).handler(async ({ account }, { erp }) => {
  const [owner, lines] = await Promise.all([
    erp.bank_account.get(account),
    erp.bank_line.list({ account, status: 'open' }, { order: [{ field: 'date' }] }),
  ]);
  return {
    company: owner.company ?? '',
    lines: lines.map(({ id, date, kind, amount, reference }) => ({
      ...{ id, date, kind, amount },
      reference: quotedReference(reference),
    })),
  };
});

/** Above the longest that banks pass on, 35 in ISO 20022: payers write what they like. */
const referenceCharacters = 40;

/** A reference as banks and people retype it: letters and digits of any script, in capitals; empty where there are none. */
export function referenceKey(reference: string): string {
  const key =
    reference
      .normalize('NFKC')
      .toUpperCase()
      .match(/[\p{L}\p{N}]/gu) ?? [];
  return key.slice(0, referenceCharacters).join('');
}

/** What banks pass on where the payer gave no reference: the SEPA rulebooks prescribe the word. */
const notProvided = 'NOTPROVIDED';

/** The reference of a statement line, or null where it quotes nothing that could be found. */
function quotedReference(reference: string | null): string | null {
  const key = referenceKey(reference ?? '');
  return key === '' || key === notProvided ? null : key;
}
