import { z } from 'zod';
import type { CompleteParts } from '../parts.ts';
import { hexDigest, pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { decidedShape, effectStates, listOf } from '../shapes.ts';

const limits = { usual: 200, most: 1_000 };
const run = z.string().max(64).optional().meta({ description: 'The id of a run.' });
const proposalsQuery = paging(hexDigest, limits).extend({
  run,
  module: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Only what tools of a module would do.' }),
  all: z.stringbool().optional().meta({ description: 'Whether also what was decided.' }),
});

/** A change to the ERP that waits for a person. */
const proposalShape = z
  .object({
    key: hexDigest,
    runId: z.uuid(),
    stepId: z.int(),
    seq: z.int(),
    tool: z.string(),
    module: z.string(),
    agent: z.string().nullable(),
    entity: z.string().nullable(),
    targetId: z.string().nullable(),
    company: z.string().nullable(),
    state: z.enum(effectStates),
    became: z.enum(['open', 'granted', 'expired', 'withdrawn', ...effectStates.slice(1)]),
    approval: z.uuid().nullable().meta({ description: 'The newest question about it.' }),
    ...decidedShape,
    args: z.unknown().meta({ description: 'What the tool would be called with.' }),
  })
  .meta({ id: 'Proposal' });

/** `/v1/proposals`: what agents would change, of a run or of all. */
export function proposalRoutes({ history }: Pick<CompleteParts, 'history'>): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/proposals',
      summary: 'Lists the changes that agents proposed and nobody has decided.',
      permission: 'runs:read',
      query: proposalsQuery,
      answers: { 200: listOf(proposalShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, query, principal: sight }) => {
        const { cursor, limit, run, module, all = false } = query;
        const rows = await history.proposals(tenantId, {
          ...{ limit: limit + 1, all, sight },
          ...(run !== undefined && { runId: run }),
          ...(module !== undefined && { module }),
          ...(cursor !== undefined && { after: cursor }),
        });
        return ok(pageOf(rows, limit, (proposal) => proposal.key));
      },
    }),
  ];
}
