import { defineModule } from 'tutti';
import { groupSummary } from './agents/group-summary.ts';
import { jeTesting } from './agents/je-testing.ts';
import { nightSummary } from './agents/night-summary.ts';
import { policyExceptionReview } from './agents/policy-exception-review.ts';
import { sanctionsScreening } from './agents/sanctions-screening.ts';
import { sodConflictScan } from './agents/sod-conflict-scan.ts';
import { hooks } from './hooks.ts';
import * as records from './records.ts';
import { tiers } from './tiers.ts';
import { payeeCheck } from './workflows/payee-check.ts';

const agents = [
  sodConflictScan,
  sanctionsScreening,
  jeTesting,
  policyExceptionReview,
  nightSummary,
  groupSummary,
];

/** Who may do what, with whom the group deals, and what an auditor must see. */
export const compliance = defineModule({
  name: 'compliance',
  version: '0.1.0',
  requires: ['hr', 'inventory', 'finance'],
  records: Object.values(records),
  tools: [...new Set(agents.flatMap((agent) => Object.values(agent.tools)))],
  agents,
  workflows: [payeeCheck],
  hooks,
  policies: [tiers],
  sample: async () => (await import('./sample.ts')).sample,
});
export {
  groupSummary,
  jeTesting,
  nightSummary,
  policyExceptionReview,
  sanctionsScreening,
  sodConflictScan,
};
