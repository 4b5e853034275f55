import { defineModule } from 'tutti';
import { cycleCountPlanner } from './agents/cycle-count-planner.ts';
import { nightSummary } from './agents/night-summary.ts';
import { receiptDiscrepancy } from './agents/receipt-discrepancy.ts';
import { reorderPointPlanner } from './agents/reorder-point-planner.ts';
import { valuationReconciliation } from './agents/valuation-reconciliation.ts';
import { duties } from './duties.ts';
import { hooks } from './hooks.ts';
import * as records from './records.ts';
import { tiers } from './tiers.ts';
import { receiptCheck } from './workflows/receipt-check.ts';
import { replenish } from './workflows/replenish.ts';

const agents = [
  receiptDiscrepancy,
  reorderPointPlanner,
  cycleCountPlanner,
  valuationReconciliation,
  nightSummary,
];

/** Receipts against orders, replenishment, cycle counts, and the value of the stock against the ledger. */
export const inventory = defineModule({
  name: 'inventory',
  version: '0.1.0',
  records: Object.values(records),
  // Agents share tools; each is listed once.
  tools: [...new Set(agents.flatMap((agent) => Object.values(agent.tools)))],
  agents,
  workflows: [receiptCheck, replenish],
  hooks,
  policies: [duties, tiers],
  sample: async () => (await import('./sample.ts')).sample,
});

export {
  cycleCountPlanner,
  nightSummary,
  receiptDiscrepancy,
  reorderPointPlanner,
  valuationReconciliation,
};
