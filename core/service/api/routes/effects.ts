import { Router } from 'express';
import { z } from 'zod';
import type { Reviews } from '../../../engine/run/reviews.ts';
import type { CompleteParts } from '../parts.ts';
import { pageOf, paging, readBody, readQuery } from '../request.ts';

const effectsQuery = paging(z.string().regex(/^[0-9a-f]{64}$/), { usual: 200, most: 1_000 }).extend(
  {
    state: z
      .enum([
        'approved',
        'started',
        'applied',
        'replayed',
        'rejected',
        'conflict',
        'uncertain',
        'needs_review',
        'undone',
        'refused',
      ])
      .optional(),
    /** Only those that a person must settle. */
    review: z.stringbool().optional(),
    run: z.uuid().optional(),
  },
);
const settleBody = z.strictObject({
  verdict: z.enum(['happened', 'did-not-happen', 'retry']),
  /** With `happened`: what the tool would have answered. */
  outcome: z.unknown().optional(),
  reason: z.string().min(1).max(2_000).optional(),
});

// Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
const actor = { kind: 'person', id: 'local' } as const;

/** `/v1/effects`: what was changed outside, and the verdicts of people on what nobody else can find out about. */
export function effectRoutes(
  { history, registry, tenantId }: CompleteParts,
  reviews: Reviews,
): Router {
  const router = Router();

  router.get('/', async (request, response) => {
    const { cursor, limit, state, review, run } = readQuery(request, effectsQuery);
    if (run !== undefined) await history.head(tenantId, run);
    const rows = await reviews.list(tenantId, {
      limit: limit + 1,
      ...(state !== undefined && { state }),
      ...(review !== undefined && { needsPerson: review }),
      ...(run !== undefined && { runId: run }),
      ...(cursor !== undefined && { after: cursor }),
    });
    response.json(pageOf(rows, limit, (effect) => effect.key));
  });

  router.get('/:key', async (request, response) => {
    response.json(await reviews.find(tenantId, request.params.key));
  });

  router.post('/:key/settle', async (request, response) => {
    const { verdict, outcome, reason } = readBody(request, settleBody);
    const { key } = request.params;
    const settlement = { tenantId, key, verdict, reason, actor };
    response.json(
      await reviews.settle(
        outcome === undefined ? settlement : { ...settlement, outcome },
        registry.tools,
      ),
    );
  });

  return router;
}
