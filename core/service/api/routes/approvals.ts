import { z } from 'zod';
import type { Approvals } from '../../../engine/approvals/approvals.ts';
import { foundFor } from '../../../engine/approvals/found.ts';
import type { ApprovalView } from '../../../engine/approvals/view.ts';
import type { Findings } from '../../../engine/findings/findings.ts';
import { moduleOf } from '../../../sdk/qualified-name.ts';
import type { Principal, Reach } from '../../identity/principal.ts';
import type { CompleteParts } from '../parts.ts';
import { pageOf, paging } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { actorShape, listOf } from '../shapes.ts';
import { voterOf } from '../voter.ts';
import { triagedShape } from './findings.ts';

const states = ['open', 'granted', 'refused', 'expired', 'withdrawn', 'consumed'] as const;
const decisions = ['granted', 'refused'] as const;
const approvalsQuery = paging(z.uuid(), { usual: 200, most: 1_000 }).extend({
  state: z.enum(states).optional(),
  run: z.uuid().optional(),
  module: z
    .string()
    .max(64)
    .optional()
    .meta({ description: 'Only what tools and workflows of a module ask.' }),
});
const decisionBody = z.strictObject({
  decision: z.enum(decisions),
  note: z.string().trim().min(1).max(2_000).optional().meta({ description: 'A refusal has one.' }),
});
const moment = z.iso.datetime().nullable();
const approvalShape = z
  .object({
    id: z.string(),
    runId: z.string().nullable(),
    stepId: z.int().nullable(),
    path: z.string(),
    workflow: z.string().nullable(),
    company: z.string().nullable(),
    effect: z
      .object({
        key: z.string(),
        tool: z.string(),
        entity: z.string().nullable(),
        targetId: z.string().nullable(),
        waits: z.boolean().meta({ description: 'Whether a step waits for the answer.' }),
        applyRun: z.string().nullable(),
      })
      .nullable()
      .meta({ description: 'The effect that may happen; null for an approval node.' }),
    tier: z.string(),
    title: z.string(),
    shown: z.unknown().meta({ description: 'What the people are shown.' }),
    digest: z.string(),
    state: z.enum(states),
    deciders: z.array(z.string()),
    persons: z.array(z.string()),
    required: z.int(),
    yeses: z.int(),
    requestedBy: actorShape.extend({ agent: z.string().optional() }).meta({ id: 'Requester' }),
    askedAt: z.iso.datetime(),
    expiresAt: z.iso.datetime(),
    escalateAt: moment,
    escalateTo: z.array(z.string()),
    escalatedAt: moment,
    closedAt: moment,
    votes: z.array(
      z.object({
        person: z.string(),
        onBehalfOf: z.string().nullable(),
        decision: z.enum(decisions),
        note: z.string().nullable(),
        at: z.iso.datetime(),
        via: z.string(),
      }),
    ),
  })
  .meta({ id: 'Approval' });

/** `/v1/approvals`: what people are asked, and what they say. */
export function approvalRoutes(
  { history, registry, findings }: Pick<CompleteParts, 'history' | 'registry' | 'findings'>,
  approvals: Approvals,
): readonly Route[] {
  const permission = 'approvals:read';
  const reachOf = ({ effect, workflow, company }: ApprovalView): Reach => ({
    module: effect
      ? moduleOf(effect.tool)
      : (registry.workflows.get(workflow ?? '')?.module ?? null),
    company,
  });
  return [
    defineRoute({
      method: 'get',
      path: '/v1/approvals',
      summary: 'Lists what people are asked, the newest first.',
      permission,
      query: approvalsQuery,
      answers: { 200: listOf(approvalShape) },
      errors: ['RUN_UNKNOWN'],
      handle: async ({ tenantId, principal, query: { cursor, limit, state, run, module } }) => {
        const rows = await approvals.list(tenantId, {
          ...{ limit: limit + 1, sight: sightOf(registry, principal, module) },
          ...(state !== undefined && { state }),
          ...(run !== undefined && { runId: run }),
          ...(cursor !== undefined && { after: cursor }),
        });
        // Whoever sees nothing of a run that is out of sight is not told that it is there.
        if (run !== undefined && rows.length === 0) await history.head(tenantId, run, principal);
        return ok(pageOf(rows, limit, (approval) => approval.id));
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/approvals/:id',
      summary: 'Shows a question to people, by its id or its first digits.',
      permission,
      answers: { 200: approvalShape },
      errors: ['APPROVAL_UNKNOWN'],
      handle: async ({ tenantId, params, demand }) => {
        const approval = await approvals.find(tenantId, params.id);
        demand(reachOf(approval));
        return ok(approval);
      },
    }),
    ...(findings ? [foundRoute(approvals, findings, reachOf)] : []),
    defineRoute({
      method: 'post',
      path: '/v1/approvals/:id/decision',
      summary: 'Takes the word of whoever calls on what is asked.',
      description:
        'Everybody speaks for themselves: a person as that person, an API key as the one person that it acts for. Nobody decides what they, or whoever acts for them, have asked for.',
      permission: 'approvals:decide',
      body: decisionBody,
      answers: { 200: approvalShape },
      errors: [
        'APPROVAL_UNKNOWN',
        'APPROVAL_CLOSED',
        'APPROVAL_VOTED',
        'APPROVAL_NOT_YOURS',
        'PERMISSION_DENIED',
      ],
      handle: async ({ tenantId, principal, params, body: { decision, note }, demand }) => {
        const approval = await approvals.find(tenantId, params.id);
        demand(reachOf(approval));
        const say = { tenantId, id: approval.id, decision, note, ...voterOf(principal) };
        return ok(await approvals.decide(say));
      },
    }),
  ];
}

function foundRoute(
  approvals: Approvals,
  findings: Findings,
  reachOf: (approval: ApprovalView) => Reach,
): Route {
  return defineRoute({
    method: 'get',
    path: '/v1/approvals/:id/findings',
    summary: 'Lists what the step that asks has found about the records that are in question.',
    description:
      'The worst first, at most 20. Their sentences are the agent’s, and nothing that anybody agrees to; they may quote text from outside.',
    permission: 'approvals:read',
    answers: { 200: listOf(triagedShape) },
    errors: ['APPROVAL_UNKNOWN'],
    handle: async ({ tenantId, principal: sight, params, demand }) => {
      const approval = await approvals.find(tenantId, params.id);
      demand(reachOf(approval));
      const [items = []] = await foundFor(findings, [approval], { tenantId, sight });
      return ok({ items, next: null });
    },
  });
}

/** Whose questions a reader may see, all of them or one module's: what `reachOf` says, for whole lists. */
function sightOf(
  { workflows }: CompleteParts['registry'],
  { modules: seen, companies }: Principal,
  asked: string | undefined,
) {
  const isSeen = asked === undefined || seen === null || seen.includes(asked);
  const modules = asked === undefined ? seen : isSeen ? [asked] : [];
  const own = [...workflows].filter(([, { module }]) => modules?.includes(module ?? ''));
  return { modules, companies, workflows: own.map(([name]) => name) };
}
