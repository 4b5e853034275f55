import { defineWorkflow, Id, query, z } from 'tutti';
import { sanctionsScreening } from '../agents/sanctions-screening.ts';

/** Screens a party with its group, before anything is paid to it. */
export const payeeCheck = defineWorkflow({
  name: 'compliance_payee_check',
  description: 'Screens a party, with the group that it is screened in, against sanctions lists.',
  deadline: 'PT30M',
  input: z.object({ party: Id('party') }),
  graph({ input, foreach }) {
    foreach({
      id: 'screening',
      items: query.party({ id: input.party }),
      key: (party) => party.id,
      agent: sanctionsScreening,
      input: ({ group }) => ({ group }),
    });
  },
});
