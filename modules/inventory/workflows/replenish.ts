import { defineWorkflow, Id, query, z } from 'tutti';
import { reorderPointPlanner } from '../agents/reorder-point-planner.ts';

/** Looks at a product, with the group that it is planned in, for what is running out. */
export const replenish = defineWorkflow({
  name: 'inventory_replenish',
  description: "Drafts purchase requests for what falls below its minimum in a product's group.",
  deadline: 'PT30M',
  input: z.object({ product: Id('product') }),
  graph({ input, foreach }) {
    foreach({
      id: 'reorders',
      items: query.product({ id: input.product }),
      key: (product) => product.id,
      agent: reorderPointPlanner,
      input: ({ group }) => ({ group }),
    });
  },
});
