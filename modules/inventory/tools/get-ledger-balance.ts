import { defineTool, Id, Money, z } from 'tutti';
import { ledgerOf } from '../valuation.ts';

/** What the ledger says the stock is worth. */
export const getLedgerBalance = defineTool({
  name: 'inventory.ledger.balance',
  description:
    'Sums up a company’s inventory control accounts, debits less credits, in the company’s currency.',
  effect: 'read',
  category: 'valuation',
  timeoutMs: 120_000,
  parameters: z.object({ company: z.string() }),
  result: z.object({
    balance: Money,
    accounts: z.array(z.object({ id: Id('account'), number: z.string(), balance: Money })),
  }),
}).handler(({ company }, { erp }) => ledgerOf(erp, company));
