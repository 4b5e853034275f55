import { defineAgent, Id, Money, z } from 'tutti';
import { pairStatement } from '../bank-pairing.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { listPayments } from '../tools/list-payments.ts';
import { listStatementLines } from '../tools/list-statement-lines.ts';
import { parkBankFee } from '../tools/park-bank-fee.ts';
import { proposeBankMatch } from '../tools/propose-bank-match.ts';

/** Finds what the bank and the cash book do not both have. */
export const bankReconciliation = defineAgent({
  name: 'bank_reconciliation',
  purpose:
    "Pairs a bank account's statement lines with its cash book and reports what does not pair.",
  input: z.object({ account: Id('bank_account') }),
  output: Tally.extend({ matched: z.int() }),
  model: 'standard',
  priority: 6,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 10, costMicroUsd: 400_000 },
  tools: { listStatementLines, listPayments, proposeBankMatch, parkBankFee },
  findings: {
    'bank.amount': 'A statement line quotes a payment of another amount.',
    'bank.duplicate': 'The bank moved the money of one payment twice.',
    'bank.fee': 'The bank charged a fee that the books do not have.',
    'bank.unmatched': 'A statement line has no payment behind it.',
  },
  instructions: `1. Call finance.bank_line.list_open and finance.payment.list with the account. Outgoing amounts are negative; references are reduced to capital letters and digits already.
2. Take the lines in the order given, each payment at most once (it is taken then), in four passes:
- kind transfer with a reference, against payments whose purpose is not fee and whose reference is the same: the first one of the same amount, neither reconciled nor taken, is the pair.
- those of them that have no pair, against the same payments; the first of these that there is:
  one of the same amount is bank.duplicate.
  one of another amount, neither reconciled nor taken, is bank.amount and takes the payment.
  else bank.unmatched.
- kind fee, against payments with purpose fee, not reconciled nor taken, of the same amount, at most 5 days apart: the first is the pair; none is bank.fee.
- kind transfer without a reference, against payments whose purpose is not fee, not reconciled nor taken, of the same amount, at most 5 days apart: exactly one is the pair; none or several is bank.unmatched.
Payments that no line shows are on their way and in order.
3. Report each such line. Records: [bank_line, payment] for bank.amount and bank.duplicate, else [bank_line]. Company: that of the lines. Amount, without sign: the line's; for bank.amount line less payment (the line's where the currencies differ). ${severityRule}
4. Call finance.bank_match.propose once with the account and all pairs, if there are any, and finance.bank_fee.park for each bank.fee line.
Answer with checked = lines listed, matched = pairs, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding }) => {
  const [{ company, lines }, payments] = await Promise.all([
    tools.listStatementLines({ account: input.account }),
    tools.listPayments({ account: input.account }),
  ]);
  const { pairs, exceptions } = pairStatement(lines, payments);
  const amounts: Money[] = [];
  for (const { kind, line, payment, difference } of exceptions) {
    const amount = Money.abs(difference);
    amounts.push(amount);
    finding({
      kind: `bank.${kind}`,
      severity: severityOf(amount),
      company,
      records: [
        { entity: 'bank_line', id: line.id },
        ...(payment ? [{ entity: 'payment' as const, id: payment.id }] : []),
      ],
      amount,
      summary: `Statement line of ${line.date} over ${line.amount.amount} ${line.amount.currency}${payment ? ` for ${payment.number}` : ''}: ${meaning[kind]}.`,
      evidence: { reference: line.reference, booked: payment?.amount.amount ?? null },
    });
  }
  if (pairs.length > 0) {
    await tools.proposeBankMatch({
      account: input.account,
      pairs: pairs.map(({ line, payment }) => ({ line: line.id, payment: payment.id })),
    });
  }
  for (const { kind, line } of exceptions) {
    if (kind === 'fee') await tools.parkBankFee({ line: line.id });
  }
  return {
    ...{ checked: lines.length, matched: pairs.length, flagged: exceptions.length },
    exposure: Money.sumByCurrency(amounts),
  };
});

const meaning = {
  amount: 'the booked amount differs',
  duplicate: 'the payment was settled before',
  fee: 'the fee is not booked',
  unmatched: 'no payment is booked',
} as const;
