import { defineWorkflow, query } from 'tutti';
import { insuranceWatch } from './insurance-watch.ts';

/** The cars of every company. */
export const fleetCheck = defineWorkflow({
  name: 'fleet_check',
  partial: true,
  graph({ foreach }) {
    foreach({
      id: 'insurance',
      items: query.company(),
      key: (company) => company.code,
      agent: insuranceWatch,
      input: (company) => ({ company: company.code }),
      onItemFailure: 'continue',
    });
  },
});
