import { definePolicy } from 'tutti';

/** What somebody is paid is the business of few. */
export const tiers = definePolicy({
  name: 'hr.tiers',
  grants: [],
  tiers: [{ name: 'hr.pay', tools: ['hr.payslip.hold', 'hr.accrual.propose'], by: ['hr_lead'] }],
});
