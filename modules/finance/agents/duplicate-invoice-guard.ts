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
2. A bill repeats an earlier one when company, stem (not an empty one) and total are the same, the dates are at most ${nearDays} days apart, and the suffixes do not contradict each other (both null, equal, or only one null; A and B are instalments). The later date is the repetition; on one date the number that sorts later. Compare with the earliest bill that qualifies. A repetition whose hold is duplicate already is in order. Equal totals alone, such as a monthly rent, are too.
3. Report each repetition once: duplicate.paid when its status is paid, else duplicate.unpaid. Records: [bill: the repetition, bill: the earlier one]. Company: the bill's. Amount: its total without sign. ${severityRule}
4. For each duplicate.unpaid whose hold is null call finance.hold.place with the repetition as bill, expect = its version, reason duplicate.
Answer with checked = bills listed, flagged = findings, exposure = their amounts added up by currency.
Never hold the earlier bill.`,
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
      summary: `Bill ${bill.number} over ${bill.total.amount} ${bill.total.currency} repeats ${earlier.number}.`,
      evidence: { stem: bill.stem, daysApart: Day.between(earlier.date, bill.date) },
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
    const ordered = group.toSorted((a, b) =>
      a.date === b.date ? (a.number < b.number ? -1 : 1) : a.date < b.date ? -1 : 1,
    );
    return ordered.flatMap((bill, index) => {
      if (bill.hold === 'duplicate') return [];
      const earlier = ordered
        .slice(0, index)
        .find((other) => mayRepeat(other, bill) && Day.between(other.date, bill.date) <= nearDays);
      return earlier ? [{ bill, earlier }] : [];
    });
  });
}
