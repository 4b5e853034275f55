import { defineModule } from 'tutti';
import { bankReconciliation } from './agents/bank-reconciliation.ts';
import { duplicateInvoiceGuard } from './agents/duplicate-invoice-guard.ts';
import { nightSummary } from './agents/night-summary.ts';
import { subledgerReconciliation } from './agents/subledger-reconciliation.ts';
import { threeWayMatch } from './agents/three-way-match.ts';
import { duties } from './duties.ts';
import { hooks } from './hooks.ts';
import * as records from './records.ts';
import { tiers } from './tiers.ts';
import { billCheck } from './workflows/bill-check.ts';

const agents = [
  duplicateInvoiceGuard,
  threeWayMatch,
  bankReconciliation,
  subledgerReconciliation,
  nightSummary,
];

/** Bills, payments, bank statements, and the control accounts that they must tie to. */
export const finance = defineModule({
  name: 'finance',
  version: '0.1.0',
  requires: ['inventory'],
  records: Object.values(records),
  // Agents share tools; each is listed once.
  tools: [...new Set(agents.flatMap((agent) => Object.values(agent.tools)))],
  agents,
  workflows: [billCheck],
  hooks,
  policies: [duties, tiers],
  sample: async () => (await import('./sample.ts')).sample,
});

export {
  bankReconciliation,
  duplicateInvoiceGuard,
  nightSummary,
  subledgerReconciliation,
  threeWayMatch,
};
