import { Decimal, defineTool, Id, z } from 'tutti';
import { incomingOf } from '../shortage.ts';

/** As many products as one call may name. */
export const askedAtOnce = 1000;

/** What is on the way already. */
export const listIncoming = defineTool({
  name: 'inventory.incoming.list',
  description:
    'Lists what is still to come of products by company: the rest of open orders with whatever vendor, and purchase requests in draft or approved. Products with nothing on the way are left out.',
  effect: 'read',
  category: 'planning',
  parameters: z.object({
    products: z.array(Id('product')).min(1).max(askedAtOnce),
    companies: z.array(z.string()).min(1).max(1000),
  }),
  result: z.array(
    z.object({ product: Id('product'), company: z.string(), ordered: Decimal, requested: Decimal }),
  ),
}).handler(({ products, companies }, { erp }) => incomingOf(erp, { products, companies }));
