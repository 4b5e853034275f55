import { defineModule, defineWorkflow } from 'tutti';
import {
  dunningClerk,
  ledgerClerk,
  lookAtOrder,
  orderClerk,
  paymentClerk,
  rateClerk,
  routeClerk,
  seniorClerk,
  weatherClerk,
} from './clerks.ts';

/** One letter, and a second clerk who starts when the first has ended, however that was. */
function letters(strategy: string, clerk: typeof rateClerk) {
  return defineWorkflow({
    name: `recovery.${strategy}`,
    graph({ task }) {
      const letter = task({ id: 'letter', agent: clerk, input: { order: 'A-17' } });
      task({
        id: 'filing',
        agent: seniorClerk,
        input: { order: 'A-17' },
        after: [letter],
        join: 'all_done',
      });
    },
  });
}

/** Seven workflows, one for each way to go on after a failure. */
export const recovery = defineModule({
  name: 'recovery',
  version: '1.0.0',
  tools: [lookAtOrder],
  agents: [
    rateClerk,
    routeClerk,
    orderClerk,
    seniorClerk,
    dunningClerk,
    weatherClerk,
    paymentClerk,
    ledgerClerk,
  ],
  workflows: [
    letters('retry', rateClerk),
    letters('reset', routeClerk),
    letters('reassign', orderClerk),
    letters('fallback', dunningClerk),
    letters('skip', weatherClerk),
    letters('escalate', paymentClerk),
    letters('abort', ledgerClerk),
  ],
});
