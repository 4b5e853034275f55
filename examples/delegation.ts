/*
 * Agents as tools: a buyer whose model asks two specialists, side by side, and decides by what they answer. Each works in a run of its own, by
 * the lesser of both agents' rights and from what the buyer's step may spend. Without a key the models are a script of a few lines.
 *
 *   npx tutti run delegation --config examples/delegation.ts
 *   npx tutti runs --config examples/delegation.ts
 */
import { defineAgent, defineConfig, defineModule, defineTool, defineWorkflow, z } from 'tutti';
import { ScriptedModel } from 'tutti/testing';

const offers = [
  { vendor: 'V-17', pricePerUnit: '4.20', days: 9 },
  { vendor: 'V-23', pricePerUnit: '4.65', days: 2 },
];

const listOffers = defineTool({
  name: 'purchasing.offer.list',
  description: 'Lists the offers for an article: vendor, price and days until it is delivered.',
  effect: 'read',
  parameters: z.object({ article: z.string() }),
  result: z.object({
    offers: z.array(z.object({ vendor: z.string(), pricePerUnit: z.string(), days: z.int() })),
  }),
}).handler(async () => ({ offers }));

/** What it takes is the function's parameters for whoever calls it, its purpose the description, and what it hands in the answer. */
const priceClerk = defineAgent({
  name: 'price_clerk',
  purpose: 'Finds the cheapest offer for an article.',
  input: z.object({ article: z.string() }),
  output: z.object({ vendor: z.string(), pricePerUnit: z.string() }),
  tools: { listOffers },
  instructions: 'List the offers with purchasing.offer.list and hand in the cheapest.',
});

const deliveryClerk = defineAgent({
  name: 'delivery_clerk',
  purpose: 'Finds the offer for an article that is delivered first.',
  input: z.object({ article: z.string() }),
  output: z.object({ vendor: z.string(), days: z.int() }),
  tools: { listOffers },
  instructions: 'List the offers with purchasing.offer.list and hand in the one that comes first.',
});

const buyer = defineAgent({
  name: 'buyer',
  purpose: 'Decides from whom an article is bought.',
  input: z.object({ article: z.string(), isUrgent: z.boolean() }),
  output: z.object({ vendor: z.string(), because: z.string() }),
  tools: {},
  delegates: ['purchasing.price_clerk', 'purchasing.delivery_clerk'],
  instructions: `Ask purchasing.price_clerk and purchasing.delivery_clerk in one turn. Take the vendor who delivers first where it is urgent, else the cheapest;
say in one sentence why.`,
});

const delegation = defineWorkflow({
  name: 'delegation',
  description: 'Has a buyer decide, who asks two specialists.',
  input: z.object({ article: z.string().default('A-100'), isUrgent: z.boolean().default(true) }),
  graph({ input, task }) {
    const decision = task({
      id: 'decide',
      agent: buyer,
      input: { article: input.article, isUrgent: input.isUrgent },
    });
    return decision.output;
  },
});

const purchasing = defineModule({
  name: 'purchasing',
  version: '1.0.0',
  tools: [listOffers],
  agents: [buyer, priceClerk, deliveryClerk],
  workflows: [delegation],
});

const article = { article: 'A-100' };
const call = (name: string) => ({ kind: 'call' as const, id: name, name, args: article });

/** A model that does what the instructions say: it asks first, and answers when it has been told. */
const houseModel = () =>
  new ScriptedModel(({ output, messages }) => {
    const isTold = messages.length > 1;
    switch (output.name) {
      case 'buyer':
        return isTold
          ? JSON.stringify({
              vendor: 'V-23',
              because: 'It is urgent, and V-23 delivers in 2 days.',
            })
          : [call('purchasing.price_clerk'), call('purchasing.delivery_clerk')];
      case 'price_clerk':
        return isTold
          ? JSON.stringify({ vendor: 'V-17', pricePerUnit: '4.20' })
          : [call('purchasing.offer.list')];
      default:
        return isTold
          ? JSON.stringify({ vendor: 'V-23', days: 2 })
          : [call('purchasing.offer.list')];
    }
  });

const house = { provider: 'house', model: 'house' };
const scripted = {
  models: { standard: house },
  providers: { house: houseModel },
  prices: { house: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0 } },
};

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [purchasing],
  ...(process.env.OPENAI_API_KEY || process.env.ANTHROPIC_API_KEY ? {} : scripted),
});
