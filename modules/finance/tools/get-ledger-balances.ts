import { Decimal, defineTool, Id, Money, z } from 'tutti';
import { controls } from '../chart.ts';
import { currencyOf } from '../company.ts';

/** What the ledger says. */
export const getLedgerBalances = defineTool({
  name: 'finance.ledger_balance.get',
  description:
    "Reads the ledger balances of a company's control accounts for payables, receivables and bank, debits positive, and the manual entries on them.",
  effect: 'read',
  parameters: z.object({ company: z.string() }),
  result: z.object({
    /** Journal entries that the balances were summed from. */
    entries: z.int(),
    accounts: z.array(
      z.object({
        account: Id('account'),
        number: z.string(),
        control: z.enum(controls),
        balance: Money,
        manual: z.array(
          z.object({ entry: Id('journal_entry'), number: z.string(), amount: Money }),
        ),
      }),
    ),
  }),
  category: 'ledger',
  timeoutMs: 60_000,
}).handler(async ({ company }, { erp }) => {
  const [currency, accounts, entries] = await Promise.all([
    currencyOf(erp, company),
    erp.account.list({ company, control: { in: controls } }),
    // A balance is the sum of every entry ever posted; there is no shorter list that gives it.
    erp.journal_entry.list({ company }, { limit: 500_000 }),
  ]);
  const touches = entries.flatMap(({ id, number, source, lines }) =>
    lines.map((line) => ({
      ...{ id, number, source, account: line.account },
      signed: Decimal.minus(line.debit, line.credit),
    })),
  );
  const byAccount = Map.groupBy(touches, (touch) => touch.account);
  return {
    entries: entries.length,
    accounts: accounts.map((account) => {
      const own = byAccount.get(account.id) ?? [];
      return {
        account: account.id,
        number: account.number,
        control: controls.find((each) => each === account.control) ?? 'bank',
        balance: Money.of(Decimal.sum(own.map((touch) => touch.signed)), currency),
        manual: own
          .filter((touch) => touch.source === 'manual')
          .map(({ id, number, signed }) => ({
            ...{ entry: id, number },
            amount: Money.of(signed, currency),
          })),
      };
    }),
  };
});
