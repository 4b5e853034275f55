/*
 * Workflows side by side: each is a run of its own, with its own record and cost, and one workflow starts them all at once, waits for
 * them and brings their results together. What they may spend together is one budget.
 *
 *   npx tutti run parallel --config examples/parallel.ts
 *   npx tutti runs --config examples/parallel.ts
 */
import { defineConfig, defineWorkflow, query, z } from 'tutti';
import * as finance from '../modules/finance/index.ts';
import { hr } from '../modules/hr/index.ts';
import * as inventory from '../modules/inventory/index.ts';

const input = z.object({ company: z.string().default('MCG-DE') });

/** A company's stock, beside the counts of its warehouses: two branches that know nothing of each other run at the same time. */
const stock = defineWorkflow({
  name: 'stock',
  description: "Values a company's stock and plans the counts of its warehouses.",
  input,
  graph({ input, task, foreach }) {
    const value = task({
      id: 'value',
      agent: inventory.valuationReconciliation,
      input: { company: input.company },
    });
    foreach({
      id: 'counts',
      items: query.warehouse(),
      key: ({ id }) => id,
      // At most so many at once, whatever else has room.
      concurrency: 4,
      onItemFailure: 'continue',
      agent: inventory.cycleCountPlanner,
      input: ({ id }) => ({ warehouse: id }),
    });
    return { flagged: value.output.flagged };
  },
});

/** A company's books. */
const books = defineWorkflow({
  name: 'books',
  description: "Ties a company's subledgers to its ledger.",
  input,
  graph({ input, task }) {
    const tied = task({
      id: 'tied',
      agent: finance.subledgerReconciliation,
      input: { company: input.company },
    });
    return { flagged: tied.output.flagged };
  },
});

/** The runs of both start at once; a failed one leaves this run `partial`, and the other goes on. */
const parallel = defineWorkflow({
  name: 'parallel',
  description: 'Runs two workflows side by side and adds up what they found.',
  input,
  budgetMicroUsd: 2_000_000,
  partial: true,
  graph({ input, workflow, compute }) {
    const of = { company: input.company };
    const inStock = workflow({ id: 'stock', workflow: stock, input: of });
    const inBooks = workflow({ id: 'books', workflow: books, input: of });
    const both = compute({
      id: 'both',
      value: { stock: inStock.output.flagged, books: inBooks.output.flagged },
    });
    return both.output;
  },
});

// biome-ignore lint/style/noDefaultExport: a configuration is the default export of its file
export default defineConfig({
  modules: [hr, inventory.inventory, finance.finance],
  workflows: [parallel, stock, books],
});
