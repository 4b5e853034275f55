import { Day, Decimal, defineAgent, Id, Money, z } from 'tutti';
import { mayRepeat } from '../bill-number.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { placeHold } from '../tools/place-hold.ts';
import { searchBills } from '../tools/search-bills.ts';

/** Suppliers send a reminder copy within weeks; a number that comes back later belongs to a new series. */
const nearDays = 45;

/** Finds bills that came twice. */
export const duplicateInvoiceGuard = defineAgent({
  name: 'duplicate_invoice_guard',
  purpose:
    'Finds bills of a vendor that were entered twice under altered numbers and holds the second one.',
  input: z.object({ vendor: Id('party') }),
  output: Tally,
  model: 'fast',
  priority: 7,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 8, costMicroUsd: 200_000 },
  tools: { searchBills, placeHold },
  findings: {
    'duplicate.unpaid': 'A draft or open bill repeats an earlier one; it can still be held.',
    'duplicate.paid': 'A paid bill repeats an earlier one; the money has to be claimed back.',
  },
  instructions: `1. Call finance.bill.search with the vendor: all its bills that are not cancelled, by date.
2. One bill repeats another when company, stem (not an empty one) and total are the same, the dates are at most ${nearDays} days apart, and the suffixes do not contradict each other (both null, equal, or only one null; A and B are instalments). Put the bills in this order: those that are paid, then the others, then those whose hold is duplicate already; in each of the three by date, on one date by number. A bill is the repetition of the first one before it in this order that qualifies: what is paid already is no repetition of what is not. A repetition whose hold is duplicate already is in order. Equal totals alone, such as a monthly rent, are too.
3. Report each repetition once: duplicate.paid when its status is paid, else duplicate.unpaid. Records: [bill: the repetition, bill: the one that it repeats]. Company: the bill's. Amount: its total without sign. ${severityRule}
4. For each duplicate.unpaid whose hold is null call finance.hold.place with the repetition as bill, expect = its version, reason duplicate.
Answer with checked = bills listed, flagged = findings, exposure = their amounts added up by currency.
Never hold the bill that is repeated.`,
}).playbook(async ({ input, tools, finding }) => {
  const bills = await tools.searchBills({ vendor: input.vendor });
  const amounts: Money[] = [];
  for (const { bill, earlier } of repetitions(bills)) {
    const amount = Money.abs(bill.total);
    amounts.push(amount);
    finding({
      kind: bill.status === 'paid' ? 'duplicate.paid' : 'duplicate.unpaid',
      severity: severityOf(amount),
      company: bill.company,
      records: [
        { entity: 'bill', id: bill.id },
        { entity: 'bill', id: earlier.id },
      ],
      amount,
      summary: `Bill ${bill.number} of ${bill.date} over ${bill.total.amount} ${bill.total.currency} repeats ${earlier.number} of ${earlier.date}.`,
      evidence: { stem: bill.stem, daysApart: daysApart(earlier, bill) },
    });
    if (bill.status === 'paid' || bill.hold !== null) continue;
    await tools.placeHold({ bill: bill.id, expect: bill.version, reason: 'duplicate' });
  }
  return { checked: bills.length, flagged: amounts.length, exposure: Money.sumByCurrency(amounts) };
});

interface Candidate {
  readonly company: string;
  readonly number: string;
  readonly stem: string;
  readonly suffix: string | null;
  readonly date: string;
  readonly status: string;
  readonly hold: string | null;
  readonly total: Money;
}

function repetitions<B extends Candidate>(
  bills: readonly B[],
): readonly { readonly bill: B; readonly earlier: B }[] {
  const alike = Map.groupBy(bills, ({ company, stem, total }) =>
    JSON.stringify([company, stem, Decimal.round(total.amount, 4), total.currency]),
  );
  return [...alike.values()].flatMap((group) => {
    const ordered = group.toSorted(compareStanding);
    return ordered.flatMap((bill, index) => {
      if (bill.hold === 'duplicate') return [];
      const earlier = ordered
        .slice(0, index)
        .find((other) => mayRepeat(other, bill) && daysApart(other, bill) <= nearDays);
      return earlier ? [{ bill, earlier }] : [];
    });
  });
}

/** Which of two bills is the first: the one that was paid, the one that nobody holds for a duplicate, the earlier. */
function compareStanding(a: Candidate, b: Candidate): number {
  const rank = (bill: Candidate): number =>
    bill.status === 'paid' ? 0 : bill.hold === 'duplicate' ? 2 : 1;
  return rank(a) - rank(b) || compareText(a.date, b.date) || compareText(a.number, b.number);
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function daysApart(a: Candidate, b: Candidate): number {
  return Math.abs(Day.between(a.date, b.date));
}
