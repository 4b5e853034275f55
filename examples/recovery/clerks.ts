import { defineAgent, defineTool, z } from 'tutti';

/** All that clerks can do besides answering. */
export const lookAtOrder = defineTool({
  name: 'recovery.order.look',
  description: 'Looks at the order.',
  effect: 'read',
  parameters: z.object({}),
  result: z.object({ state: z.string() }),
}).handler(async () => ({ state: 'as it was' }));

const clerk = {
  purpose: 'Answers a letter about an order.',
  instructions: 'Answer the letter.',
  input: z.object({ order: z.string() }),
  output: z.object({ answer: z.string() }),
  tools: { lookAtOrder },
};

/** Retry: a model that does not answer is asked again, after delays that grow. */
export const rateClerk = defineAgent({
  ...clerk,
  name: 'rate_clerk',
  recovery: [
    {
      on: ['NETWORK_ERROR'],
      ways: [{ strategy: 'retry', retry: { attempts: 4, baseMs: 50, maxMs: 1_000 } }],
    },
  ],
});

/** Reset: a conversation that runs in circles is begun anew, at most once. */
export const routeClerk = defineAgent({
  ...clerk,
  name: 'route_clerk',
  limits: { turns: 2 },
  recovery: [
    {
      on: ['TURNS_EXHAUSTED'],
      ways: [{ strategy: 'reset', retry: { attempts: 2, baseMs: 10 } }],
    },
  ],
});

/** Takes over from the order clerk: the same input, the same form of answer, another model. */
export const seniorClerk = defineAgent({ ...clerk, name: 'senior_clerk', model: 'deep' });

/** Reassign: what this one cannot answer goes to the senior clerk. */
export const orderClerk = defineAgent({
  ...clerk,
  name: 'order_clerk',
  recovery: [
    { on: ['OUTPUT_INVALID'], ways: [{ strategy: 'reassign', to: 'recovery.senior_clerk' }] },
  ],
});

/** Fallback: without its model it works by its playbook. */
export const dunningClerk = defineAgent({
  ...clerk,
  name: 'dunning_clerk',
  recovery: [{ on: ['NETWORK_ERROR'], ways: [{ strategy: 'fallback' }] }],
}).playbook(async ({ input }) => ({ answer: `${input.order}: standard letter 3` }));

/** Skip: nobody needs the weather; whoever waits for it goes on without. */
export const weatherClerk = defineAgent({
  ...clerk,
  name: 'weather_clerk',
  recovery: [{ on: ['AGENT_ERROR'], ways: [{ strategy: 'skip' }] }],
});

/** Escalate: a person is told, then one more try is made; then the step has failed. */
export const paymentClerk = defineAgent({
  ...clerk,
  name: 'payment_clerk',
  recovery: [
    {
      on: ['OUTPUT_INVALID'],
      ways: [
        { strategy: 'escalate', to: 'role:controller' },
        { strategy: 'retry', retry: { attempts: 2, baseMs: 10 } },
        { strategy: 'escalate', to: 'role:head-of-finance' },
      ],
    },
  ],
});

/** Abort: without rights nothing else of the run makes sense. */
export const ledgerClerk = defineAgent({
  ...clerk,
  name: 'ledger_clerk',
  recovery: [
    {
      on: ['PERMISSION_ERROR'],
      ways: [{ strategy: 'escalate', to: 'role:it' }, { strategy: 'abort' }],
    },
  ],
});
