import { defineAgent, Id, Money, z } from 'tutti';
import { compareBill } from '../match.ts';
import { inPortions, ordersAtOnce } from '../portions.ts';
import { severityOf, severityRule } from '../severity.ts';
import { Tally } from '../tally.ts';
import { getTolerances } from '../tools/get-tolerances.ts';
import { listDraftBills } from '../tools/list-draft-bills.ts';
import { listOrders } from '../tools/list-orders.ts';
import { listReceipts } from '../tools/list-receipts.ts';
import { placeHold } from '../tools/place-hold.ts';
import { setMatchResult } from '../tools/set-match-result.ts';

/** Finds bills that charge other than what was ordered and received. */
export const threeWayMatch = defineAgent({
  name: 'three_way_match',
  purpose:
    "Compares a vendor's draft bills with their orders and receipts and holds what does not agree.",
  input: z.object({ vendor: Id('party') }),
  output: Tally.extend({ matched: z.int() }),
  model: 'standard',
  priority: 7,
  critical: false,
  limits: { timeoutMs: 120_000, turns: 10, costMicroUsd: 300_000 },
  tools: { listDraftBills, listOrders, listReceipts, getTolerances, setMatchResult, placeHold },
  findings: {
    'match.receipt':
      'A bill charges an order line of which nothing has been received, or that its vendor and company do not have, or names no line of its order at all.',
    'match.quantity':
      'A bill charges more than was received, or ordered where no receipt is required.',
    'match.price':
      "A bill's price lies outside the tolerance around the order's price, or its total around the sum of its lines.",
  },
  instructions: `1. Call finance.bill.list_drafts with the vendor. Without bills answer with zeros and []. Else call finance.order.list and finance.receipt.list once with all their orders (with more than ${ordersAtOnce}, once for each ${ordersAtOnce} of them), and finance.tolerance.get once with all their companies.
2. Skip bills whose hold is not null: somebody knows. Judge every line of the others; a line without orderLine is in order beside one that has it.
- agreed = what was accepted for the order line when the order's matching is three_way (0 when no receipt names it), the ordered quantity when it is two_way (0 when the order's status is draft or cancelled).
- permitted = agreed less what other bills charge for the order line (billed, without this bill), at least 0.
- allowed(value) = the smaller of the company's amount, and its percent of the value; 0 when the company has no tolerance.
- match.receipt: the order or the order line is not there (an order of another vendor or company is not), or three_way and agreed is 0, and the lines for it charge more than they credit; also when no line of the bill has an orderLine and all of them together charge more than they credit; difference = quantity x bill price. Otherwise one or both of:
- match.quantity, once an order line: (quantity of all the bill's lines for it - permitted) x order price is above 0 and above allowed(permitted x order price); that is the difference.
- match.price: |bill price - order price| x quantity (bill price x quantity when the currencies differ) is above allowed(quantity x order price); that is the difference.
- match.price, also, once a bill: |bill total - the sum of quantity x bill price over all its lines, to as many decimals as its currency has| is above allowed(that sum); that is the difference. Lines without orderLine count here.
A difference that equals the allowed one is in order.
3. Report one finding for each bill and kind that occurs. Records: [bill, purchase_order]. Company: the bill's. Amount: the differences of that kind over all lines, to as many decimals as the currency has. ${severityRule}
4. For each bill with findings call finance.hold.place with expect = its version and reason = the first of receipt, quantity, price that occurs.
5. Call finance.match_result.set once with the vendor and every judged bill, if there is one; result = that reason, or matched.
Answer with checked = bills listed, matched = bills judged as matched, flagged = findings, exposure = their amounts added up by currency.`,
}).playbook(async ({ input, tools, finding }) => {
  const bills = await tools.listDraftBills({ vendor: input.vendor });
  if (bills.length === 0) return { checked: 0, matched: 0, flagged: 0, exposure: [] };
  const orders = [...new Set(bills.map((bill) => bill.order))];
  const companies = [...new Set(bills.map((bill) => bill.company))];
  const [orderRows, receipts, tolerances] = await Promise.all([
    inPortions(orders, (portion) => tools.listOrders({ orders: portion })),
    inPortions(orders, (portion) => tools.listReceipts({ orders: portion })),
    tools.getTolerances({ companies }),
  ]);
  const amounts: Money[] = [];
  const judged = bills.filter((bill) => bill.hold === null);
  const results = judged.map((bill) => {
    const named = orderRows.find((each) => each.id === bill.order);
    // Another's order says nothing of what is owed to this vendor by this company.
    const isOwn = named?.vendor === input.vendor && named.company === bill.company;
    const order = isOwn ? named : undefined;
    const tolerance = tolerances.find((each) => each.company === bill.company);
    const differences = compareBill({ bill, order, receipts, tolerance });
    for (const { kind, amount, ...evidence } of differences) {
      amounts.push(amount);
      finding({
        kind: `match.${kind}`,
        severity: severityOf(amount),
        company: bill.company,
        records: [
          { entity: 'bill', id: bill.id },
          { entity: 'purchase_order', id: bill.order },
        ],
        amount,
        summary: `Bill ${bill.number} over ${bill.total.amount} ${bill.total.currency} differs from order ${named?.number ?? bill.order} by ${amount.amount} (${kind}).`,
        evidence,
      });
    }
    return { bill, result: differences[0]?.kind ?? ('matched' as const) };
  });
  for (const { bill, result } of results) {
    if (result === 'matched') continue;
    await tools.placeHold({ bill: bill.id, expect: bill.version, reason: result });
  }
  if (results.length > 0) {
    await tools.setMatchResult({
      vendor: input.vendor,
      results: results.map(({ bill, result }) => ({ bill: bill.id, result })),
    });
  }
  const matched = results.filter(({ result }) => result === 'matched').length;
  return {
    ...{ checked: bills.length, matched, flagged: amounts.length },
    exposure: Money.sumByCurrency(amounts),
  };
});
