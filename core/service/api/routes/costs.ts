import { z } from 'zod';
import { costWays } from '../../../engine/costs/cost-ways.ts';
import type { Costs } from '../../../engine/costs/costs.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { microUsd } from '../shapes.ts';

const costsQuery = z.strictObject({
  by: z.enum(costWays).default('model').meta({ description: 'What the rows are.' }),
  days: z.coerce.number().int().min(1).max(365).default(7),
  simulated: z.stringbool().default(false).meta({
    description: 'The calls of rehearsals instead of the real ones.',
  }),
});

const sums = {
  calls: z.int().meta({ description: 'Calls that were made and have ended.' }),
  costMicroUsd: microUsd,
  estimatedCalls: z.int().meta({ description: 'Those of them whose usage nobody knows.' }),
  estimatedMicroUsd: microUsd,
  batchCalls: z.int().meta({ description: 'Those of them that went through batches.' }),
  batchMicroUsd: microUsd,
  openCalls: z.int().meta({ description: 'Calls under way; in no other sum.' }),
  reservedMicroUsd: microUsd,
  tokens: z.object({
    input: z.int(),
    cachedInput: z.int(),
    cacheWrite: z.int(),
    output: z.int(),
    reasoning: z.int(),
  }),
};
const costShape = z
  .object({
    by: z.enum(costWays),
    days: z.int(),
    since: z.iso.date(),
    simulated: z.boolean(),
    total: z.object(sums).meta({ id: 'CostSums' }),
    rows: z.array(
      z
        .object({
          ...sums,
          name: z.string(),
          workflow: z.string().nullable(),
          changeMicroUsd: microUsd.nullable().meta({
            description: 'Of a day: what it cost more than the day before.',
          }),
        })
        .meta({ id: 'CostRow' }),
    ),
    left: z.int().meta({ description: 'Rows that are not listed; the total has them.' }),
    apart: z.object({ calls: z.int(), costMicroUsd: microUsd }),
  })
  .meta({ id: 'Costs' });

/** `/v1/costs`: what models cost in the last days, by model, module, workflow, agent, run or day. */
export function costRoutes(costs: Costs): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/costs',
      summary: 'Adds up what models cost in the last days.',
      permission: 'runs:read',
      query: costsQuery,
      answers: { 200: costShape },
      handle: async ({ tenantId, query, principal: sight }) =>
        ok(await costs.read(tenantId, { ...query, sight })),
    }),
  ];
}
