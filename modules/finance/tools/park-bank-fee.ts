import { defineTool, EngineError, Id, Money, z } from 'tutti';
import { chart } from '../chart.ts';
import { accountBy, park, postingLine } from '../posting.ts';

/** The posting of a fee, for somebody to make. */
export const parkBankFee = defineTool({
  name: 'finance.bank_fee.park',
  description: 'Parks the journal entry of a bank fee that a statement shows and the books do not.',
  effect: 'propose',
  parameters: z.object({ line: Id('bank_line') }),
  result: z.object({ entry: Id('parked_entry') }),
  key: ({ line }) => [line],
  scope: 'tenant',
  undo: { action: 'discard' },
  binds: () => ['amount', 'status'],
  posts: async ({ line }, { erp, today }) => {
    const { account } = await erp.bank_line.get(line);
    const { company } = await erp.bank_account.get(account);
    return { company: company ?? '', date: today, ledger: 'bank' };
  },
  amount: async ({ line }, { erp }) => (await erp.bank_line.get(line)).amount,
  duty: 'draft_journal',
  category: 'bank',
}).handler(async ({ line }, { erp, today }) => {
  const fee = await erp.bank_line.get(line);
  if (fee.status !== 'open' || fee.kind !== 'fee') {
    throw new EngineError(
      'ERP_REJECTED',
      `Statement line ${line} is a ${fee.status} ${fee.kind}; only an open fee can be parked.`,
    );
  }
  const { company } = await erp.bank_account.get(fee.account);
  const [bank, charges] = await Promise.all([
    accountBy(erp, { company: company ?? '', control: 'bank' }),
    accountBy(erp, { company: company ?? '', number: chart.bankCharges }),
  ]);
  const total = Money.abs(fee.amount);
  const entry = await park(erp, {
    ...{ company: company ?? '', date: today, reason: 'bank_fee', reference: line, total },
    lines: [
      // What was charged is negative; a fee that was given back is turned around.
      postingLine(charges, Money.negate(fee.amount).amount),
      postingLine(bank, fee.amount.amount),
    ],
  });
  return { entry };
});
