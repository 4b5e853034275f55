import { defineAgent, Money, z } from 'tutti';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { getLedgerBalances } from '../tools/get-ledger-balances.ts';
import { getSubledgerBalances } from '../tools/get-subledger-balances.ts';
import { parkCorrection } from '../tools/park-correction.ts';

/** Ties control accounts to their subledgers. */
export const subledgerReconciliation = defineAgent({
  name: 'subledger_reconciliation',
  purpose:
    "Compares a company's control accounts with its open items and cash book and explains what differs.",
  input: z.object({ company: z.string() }),
  output: Tally.extend({
    /** Control accounts that equal their subledger. */
    tied: z.int(),
  }),
  model: 'deep',
  priority: 6,
  limits: { timeoutMs: 180_000, turns: 12, costMicroUsd: 800_000 },
  tools: { getLedgerBalances, getSubledgerBalances, parkCorrection },
  findings: {
    'subledger.manual': 'A manual entry was posted to a control account past its subledger.',
    'subledger.unposted': 'A document counts in the subledger and no ledger entry has posted it.',
    'subledger.variance':
      'A control account differs from its subledger and nothing known explains it.',
  },
  instructions: `1. Call finance.ledger_balance.get and finance.subledger_balance.get with the company. All amounts are signed, debits positive.
2. Report subledger.manual for each manual entry on a control account. Records: [journal_entry, account]. Amount: its amount on the account.
3. Report subledger.unposted for each unposted document. Records: [the document, by its entity]. Amount: that of its first effect.
4. For each control account: unexplained = ledger balance - subledger balance - its manual amounts + the effects on it of all unposted documents. If it is not 0, report subledger.variance. Records: [account]. Amount: unexplained. An account that differs and is explained in full is no finding of its own.
Company of every finding: that of your input. Amounts are reported without sign. ${severityRule}
5. Call finance.correction.park once for each manual entry (entity journal_entry) and each unposted document (its entity). Draft nothing for a variance: a person has to find its cause.
Answer with checked = entries + items, tied = control accounts whose ledger balance equals the subledger balance, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input: { company }, tools, finding }) => {
  const [ledger, subledger] = await Promise.all([
    tools.getLedgerBalances({ company }),
    tools.getSubledgerBalances({ company }),
  ]);
  const amounts: Money[] = [];
  const report = (
    of: Omit<Parameters<typeof finding>[0], 'severity' | 'amount' | 'company'>,
    signed: Money,
  ) => {
    const amount = Money.abs(signed);
    amounts.push(amount);
    finding({ ...of, company, amount, severity: severityOf(amount) });
  };

  for (const { account, number, manual } of ledger.accounts) {
    for (const { entry, number: entryNumber, amount } of manual) {
      report(
        {
          kind: 'subledger.manual',
          records: [
            { entity: 'journal_entry', id: entry },
            { entity: 'account', id: account },
          ],
          summary: `Manual entry ${entryNumber} posts ${amount.amount} ${amount.currency} to control account ${number}.`,
        },
        amount,
      );
      await tools.parkCorrection({ entity: 'journal_entry', record: entry });
    }
  }
  for (const { entity, id, number, effects } of subledger.unposted) {
    const amount = effects[0]?.amount;
    if (!amount) continue;
    report(
      {
        kind: 'subledger.unposted',
        records: [{ entity, id }],
        summary: `The ${entity} ${number} over ${Money.abs(amount).amount} ${amount.currency} is not in the ledger.`,
      },
      amount,
    );
    await tools.parkCorrection({ entity, record: id });
  }

  let tied = 0;
  for (const { account, number, control, balance, manual } of ledger.accounts) {
    const own = subledger.balances.find((each) => each.control === control)?.balance;
    const open = own ?? Money.zero(balance.currency);
    const variance = Money.minus(balance, open);
    if (Money.isZero(variance)) tied += 1;
    const missing = subledger.unposted
      .flatMap((each) => each.effects)
      .filter((effect) => effect.control === control)
      .map((effect) => effect.amount);
    const { currency } = balance;
    const known = manual.map((each) => each.amount);
    const unexplained = Money.plus(
      Money.minus(variance, Money.sum(currency, known)),
      Money.sum(currency, missing),
    );
    if (Money.isZero(unexplained)) continue;
    report(
      {
        kind: 'subledger.variance',
        records: [{ entity: 'account', id: account }],
        summary: `Control account ${number} is ${balance.amount} ${balance.currency}, its subledger ${open.amount}; ${unexplained.amount} is unexplained.`,
        evidence: { control, ledger: balance.amount, subledger: open.amount },
      },
      unexplained,
    );
  }
  return {
    ...{ checked: ledger.entries + subledger.items, tied, flagged: amounts.length },
    exposure: Money.sumByCurrency(amounts),
  };
});
