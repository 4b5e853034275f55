import type { SampleWorld } from 'tutti';
import { addCounts, plantCountDates } from './sample/count-dates.ts';
import { plantDiscrepancies } from './sample/discrepancies.ts';
import { addDocuments } from './sample/documents.ts';
import { planOrders } from './sample/order-plan.ts';
import { plantShortages } from './sample/shortages.ts';
import { dealSources } from './sample/sourcing.ts';
import { addLevels, addMoves } from './sample/stock.ts';
import { planLevels } from './sample/stock-plan.ts';
import { postStock } from './sample/stock-postings.ts';
import { expectStock } from './sample/stock-truth.ts';
import { plantValuation } from './sample/valuation.ts';
import { takeFrom } from './sample/victims.ts';

/**
 * Inventory's part of the sample company: orders and receipts first, then the stock that follows from them.
 *
 * What other modules may build on, besides what the schemas say:
 * - two orders of one vendor are at least eight days apart, so none looks like a split order;
 * - a line's `received` is the sum of what its receipts accepted; goods come to one warehouse an order;
 * - ordinary orders of status `received` and `closed` are delivered in full; where a discrepancy or a look-alike is
 *   planted, `received` differs from `quantity`, or receipts exist for a `cancelled` or `draft` order. Bills of other
 *   modules are best made from orders in which both agree;
 * - every supplier has an untouched three-way order with a receipt in the open month;
 * - two-way orders have no receipts.
 *
 * What it needs of them: no change of orders, receipts, stock or products, no further receipts, no posting to the control
 * account `inventory`, and further orders only of a status other than `open`, which would cover a shortage.
 */
export function sample(world: SampleWorld): void {
  const sources = dealSources(world);
  const orders = planOrders(world, sources);
  const documents = addDocuments(world, orders, plantDiscrepancies(world, orders));
  const levels = planLevels(world, sources, documents);
  const take = takeFrom(world, levels);
  const shortages = plantShortages(world, take);
  const counts = plantCountDates(world, take);
  const valuation = plantValuation(world, levels, take);
  const rows = addLevels(world, levels);
  addMoves(world, valuation.moves);
  addCounts(world, levels, counts.plans);
  postStock(world, levels, valuation.moves);
  expectStock(world, rows, { shortages, counts: counts.truths, valuation: valuation.truths });
}
