import type { Draft, SampleWorld } from 'tutti';
import { type BillPlan, numbering, planOrderBills } from './sample/bill-plan.ts';
import { addCash } from './sample/cash.ts';
import { plantDuplicates } from './sample/duplicate-plants.ts';
import { addLedgerEntries } from './sample/ledger.ts';
import { addTolerances, plantMatches } from './sample/match-plants.ts';
import { addReceivables } from './sample/receivables.ts';
import { byDate } from './sample/row.ts';
import { planServiceBills } from './sample/service-bills.ts';

/**
 * Finance's part of the sample company: bills from the orders and receipts that inventory made, receivables, the cash book,
 * bank statements, and the ledger that posts them.
 *
 * What other modules may build on, besides what the schemas say:
 * - a bill charges what its order's receipts accepted (or what was ordered, for a two-way order), except where planted;
 * - payables, receivables and bank tie to their control accounts, except where planted;
 * - ordinary manual entries are posted on weekdays in office hours on their own date, by three accountants of the company a
 *   journal (eleven entries each), never over a whole amount, and never to a control account except where planted;
 * - batches of the system are the only entries of source `system` that finance posts.
 *
 * What it needs of them: no change of bills, receivables, payments, bank lines or their entries, no posting to the control
 * accounts `payables`, `receivables` and `bank`, and no receipts against orders that exist when it starts.
 */
export function sample(world: SampleWorld): void {
  addTolerances(world);
  const { bills, busy } = addBills(world);
  const receivables = addReceivables(world);
  const movements = addCash(world, bills, receivables);
  for (const { planted, payment, twin, receivable } of movements) {
    if (planted === null) continue;
    const touched = payment ?? twin?.payment;
    if (touched) busy.add(`payment ${touched.id}`);
    if (receivable) busy.add(`receivable ${receivable.id}`);
  }
  addLedgerEntries(world, { bills, receivables, movements, busy });
}

function addBills(world: SampleWorld): {
  readonly bills: readonly Draft<'bill'>[];
  /** Entity and id of rows that carry a planted fact. */
  readonly busy: Set<string>;
} {
  const numbers = numbering(world);
  const plans = [...planOrderBills(world, numbers), ...planServiceBills(world, numbers)];
  const matches = plantMatches(world, plans, numbers);
  const taken = new Set(matches.map((truth) => truth.bill));
  const duplicates = plantDuplicates(world, plans, { numbers, taken });
  const rows = new Map<BillPlan, Draft<'bill'>>();
  for (const plan of byDate(world.random.shuffle(plans))) rows.set(plan, world.add('bill', plan));
  const idOf = (plan: BillPlan): string => rows.get(plan)?.id ?? '';
  for (const { kind, bill } of matches) {
    world.expect({
      ...{ agent: 'finance.three_way_match', kind, company: bill.company },
      records: [
        { entity: 'bill', id: idOf(bill) },
        { entity: 'purchase_order', id: bill.order ?? '' },
      ],
    });
  }
  for (const { bill, earlier } of duplicates) {
    world.expect({
      agent: 'finance.duplicate_invoice_guard',
      kind: bill.status === 'paid' ? 'duplicate.paid' : 'duplicate.unpaid',
      company: bill.company,
      records: [
        { entity: 'bill', id: idOf(bill) },
        { entity: 'bill', id: idOf(earlier) },
      ],
    });
  }
  const busy = [...taken, ...duplicates.flatMap((each) => [each.bill, each.earlier])];
  return { bills: [...rows.values()], busy: new Set(busy.map((plan) => `bill ${idOf(plan)}`)) };
}
