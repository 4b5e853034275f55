import { z } from 'zod';
import type { EffectView, Reviews } from '../../../engine/store/reviews.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import type { Reach } from '../../identity/principal.ts';
import type { CompleteParts } from '../parts.ts';
import { hexDigest, pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { actorShape, decidedShape, effectStates, listOf } from '../shapes.ts';

const verdicts = ['happened', 'did-not-happen', 'retry'] as const;
const effectsQuery = paging(hexDigest, { usual: 200, most: 1_000 }).extend({
  state: z.enum(effectStates).exclude(['proposed']).optional(),
  review: z
    .stringbool()
    .optional()
    .meta({ description: 'Whether only those that a person must settle.' }),
  run: z.uuid().optional(),
});
const settleBody = z.strictObject({
  verdict: z.enum(verdicts),
  outcome: z
    .unknown()
    .optional()
    .meta({ description: 'With `happened`: what the tool would have answered.' }),
  reason: z.string().min(1).max(2_000).optional(),
});
const effectShape = z
  .object({
    key: z.string().meta({ description: 'The idempotency key, hex.' }),
    runId: z.string(),
    stepId: z.int(),
    tool: z.string(),
    agent: z.string().nullable(),
    entity: z.string().nullable(),
    targetId: z.string().nullable(),
    company: z.string().nullable(),
    state: z.enum(effectStates),
    needsPerson: z.boolean(),
    ...decidedShape,
    outcome: z.unknown(),
    startedAt: z.iso.datetime().nullable(),
    endedAt: z.iso.datetime().nullable(),
    reviews: z.array(
      z.object({
        no: z.int(),
        verdict: z.enum(verdicts),
        actor: actorShape,
        reason: z.string().nullable(),
        at: z.string(),
      }),
    ),
    args: z.unknown().meta({ description: 'Null once it has been erased.' }),
  })
  .meta({ id: 'Effect' });

const reachOf = ({ tool, company }: EffectView): Reach => ({ module: moduleOf(tool), company });

/** `/v1/effects`: what was changed outside, and the verdicts of people on what nobody else can find out about. */
export function effectRoutes(
  { history, registry }: Pick<CompleteParts, 'history' | 'registry'>,
  reviews: Reviews,
): readonly Route[] {
  const permission = 'approvals:read';
  return [
    defineRoute({
      method: 'get',
      path: '/v1/effects',
      summary: 'Lists what was changed outside, newest run first.',
      permission,
      query: effectsQuery,
      answers: { 200: listOf(effectShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, principal, query: { cursor, limit, state, review, run } }) => {
        const rows = await reviews.list(tenantId, {
          ...{ limit: limit + 1, sight: principal },
          ...(state !== undefined && { state }),
          ...(review !== undefined && { needsPerson: review }),
          ...(run !== undefined && { runId: run }),
          ...(cursor !== undefined && { after: cursor }),
        });
        // Whoever sees nothing of a run that is out of sight is not told that it is there.
        if (run !== undefined && rows.length === 0) await history.head(tenantId, run, principal);
        return ok(pageOf(rows, limit, (effect) => effect.key));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/effects/:key',
      summary: 'Shows an effect, by its key or its first digits.',
      permission,
      answers: { 200: effectShape },
      errors: ['EFFECT_UNKNOWN'],
      handle: async ({ tenantId, params, demand }) => {
        const effect = await reviews.find(tenantId, params.key);
        demand(reachOf(effect));
        return ok(effect);
      },
    }),
    defineRoute({
      method: 'post',
      path: '/v1/effects/:key/settle',
      summary: 'Says what became of an effect that nobody but a person can find out about.',
      permission: 'effects:settle',
      body: settleBody,
      answers: { 200: effectShape },
      errors: ['EFFECT_UNKNOWN', 'EFFECT_SETTLED'],
      handle: async ({ tenantId, actor, params, body, demand }) => {
        const effect = await reviews.find(tenantId, params.key);
        demand(reachOf(effect));
        const { verdict, outcome, reason } = body;
        const settlement = { tenantId, key: effect.key, verdict, reason, actor };
        return ok(
          await reviews.settle(
            outcome === undefined ? settlement : { ...settlement, outcome },
            registry.tools,
          ),
        );
      },
    }),
  ];
}
