import { defineConfig } from 'tutti';
import { calendars } from './modules/calendars.ts';
import { compliance } from './modules/compliance/index.ts';
import { finance } from './modules/finance/index.ts';
import { general } from './modules/general/index.ts';
import { hr } from './modules/hr/index.ts';
import { inventory } from './modules/inventory/index.ts';
import { nightly } from './modules/nightly.ts';
import { schedules } from './modules/schedules.ts';

/**
 * What this installation is made of. Models come from OPENAI_API_KEY or ANTHROPIC_API_KEY unless `models` names them; without a
 * key the agents run their playbooks.
 */
export default defineConfig({
  modules: [hr, inventory, finance, compliance, general],
  workflows: [nightly],
  calendars,
  schedules,
  // The sample company's people; put yours in their place.
  roles: {
    approver: ['anna', 'ben', 'cara', 'dora', 'emil', 'fred'],
    controller: ['anna', 'ben'],
    cfo: ['cara'],
    hr_lead: ['dora'],
    purchasing_lead: ['emil'],
    compliance_officer: ['fred'],
  },
});
