import { defineModule } from 'tutti';
import { documentExpiryWatch } from './agents/document-expiry-watch.ts';
import { nightSummary } from './agents/night-summary.ts';
import { payrollAccrualFeed } from './agents/payroll-accrual-feed.ts';
import { payrollAnomaly } from './agents/payroll-anomaly.ts';
import { timesheetExceptions } from './agents/timesheet-exceptions.ts';
import { hooks } from './hooks.ts';
import * as records from './records.ts';
import { tiers } from './tiers.ts';
import { timesheetCheck } from './workflows/timesheet-check.ts';

export {
  documentExpiryWatch,
  nightSummary,
  payrollAccrualFeed,
  payrollAnomaly,
  timesheetExceptions,
};

const agents = [
  timesheetExceptions,
  payrollAnomaly,
  documentExpiryWatch,
  payrollAccrualFeed,
  nightSummary,
];

/** Hours, pay and papers of a company's people. */
export const hr = defineModule({
  name: 'hr',
  version: '0.1.0',
  records: Object.values(records),
  tools: [...new Set(agents.flatMap((agent) => Object.values(agent.tools)))],
  agents,
  workflows: [timesheetCheck],
  hooks,
  policies: [tiers],
  sample: async () => (await import('./sample.ts')).sample,
});
