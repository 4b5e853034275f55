import { z } from 'zod';
import { hexDigest, pageOf } from '../../api/request.ts';
import { looks, type Offer, offer, page, runId } from '../offer.ts';
import type { McpParts } from '../parts.ts';

/** Proposals: what agents would change, and nobody has decided yet. */
export function proposalOffers({ history, tenantId }: McpParts): readonly Offer[] {
  return [
    offer({
      name: 'list_proposals',
      description:
        'Lists the changes that agents have proposed and nobody has decided, of one run or of all; with `all` those decided, too.',
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({
        ...page,
        cursor: hexDigest.optional(),
        run: runId.optional(),
        all: z.boolean().default(false),
      }),
      async call({ run, all, cursor, limit }) {
        const rows = await history.proposals(tenantId, {
          ...{ limit: limit + 1, all },
          ...(run !== undefined && { runId: run }),
          ...(cursor !== undefined && { after: cursor }),
        });
        return pageOf(rows, limit, ({ key }) => key);
      },
    }),
  ];
}
