import { z } from 'zod';
import type { Reviews } from '../../../engine/store/reviews.ts';
import { hexDigest, pageOf } from '../../api/request.ts';
import { looks, type Offer, offer, page, runId } from '../offer.ts';
import type { McpParts } from '../parts.ts';

/** Effects: what was changed outside. */
export function effectOffers({ history, tenantId }: McpParts, reviews: Reviews): readonly Offer[] {
  return [
    offer({
      name: 'list_effects',
      description:
        'Lists what was changed outside, newest run first; with `review` only what a person must settle.',
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({
        ...page,
        cursor: hexDigest.optional(),
        run: runId.optional(),
        review: z.boolean().default(false),
      }),
      async call({ run, review, cursor, limit }) {
        const of = run === undefined ? undefined : (await history.head(tenantId, run)).id;
        const rows = await reviews.list(tenantId, {
          ...{ limit: limit + 1, needsPerson: review },
          ...(of !== undefined && { runId: of }),
          ...(cursor !== undefined && { after: cursor }),
        });
        return pageOf(rows, limit, ({ key }) => key);
      },
    }),
  ];
}
