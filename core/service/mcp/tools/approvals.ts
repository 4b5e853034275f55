import { z } from 'zod';
import type { Approvals } from '../../../engine/approvals/approvals.ts';
import { pageOf } from '../../api/request.ts';
import { looks, type Offer, offer, page, runId } from '../offer.ts';
import type { McpParts } from '../parts.ts';

const states = ['open', 'granted', 'refused', 'expired', 'withdrawn', 'consumed'] as const;
const byPeople =
  'People decide it, never a program: with `tutti approve`, `tutti refuse` or the API.';

/** Questions to people, to be read and explained. There is no tool that decides one: an answer must come from a person. */
export function approvalOffers(
  { history, tenantId }: McpParts,
  approvals: Approvals,
): readonly Offer[] {
  return [
    offer({
      name: 'get_approval',
      description: `Shows one question to people: what would happen, who may decide, who has. ${byPeople}`,
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({ approval: z.string().min(1).max(64).describe('Its id') }),
      async call({ approval }) {
        const view = await approvals.find(tenantId, approval);
        return { ...view, howToDecide: byPeople };
      },
    }),
    offer({
      name: 'list_approvals',
      description: `Lists questions to people, newest first. ${byPeople}`,
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({
        ...page,
        cursor: z.uuid().optional(),
        state: z.enum(states).optional(),
        run: runId.optional(),
      }),
      async call({ state, run, cursor, limit }) {
        const of = run === undefined ? undefined : (await history.head(tenantId, run)).id;
        const rows = await approvals.list(tenantId, {
          limit: limit + 1,
          ...(state !== undefined && { state }),
          ...(of !== undefined && { runId: of }),
          ...(cursor !== undefined && { after: cursor }),
        });
        return pageOf(rows, limit, ({ id }) => id);
      },
    }),
  ];
}
