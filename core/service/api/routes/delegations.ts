import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Delegations } from '../../../engine/approvals/delegations.ts';
import type { Speaker } from '../../../engine/approvals/rules.ts';
import { isAllowed, type Principal } from '../../identity/principal.ts';
import { wholeReach } from '../reach.ts';
import { created, defineRoute, ok, type Route } from '../route.ts';
import { actorShape, instant, listOf } from '../shapes.ts';

const person = z.string().trim().min(1).max(100);
const handBody = z.strictObject({
  to: person.meta({ description: 'Who is to decide.' }),
  until: z.iso
    .datetime({ offset: true })
    .meta({ description: 'When it ends by itself; a moment to come.' }),
  from: person.optional().meta({ description: 'Whose right it is. Left out: your own.' }),
});
const delegationShape = z
  .object({
    id: z.string(),
    from: z.string().meta({ description: 'Whose right it is.' }),
    to: z.string().meta({ description: 'Who decides, too, as long as it holds.' }),
    until: instant,
    at: instant,
    actor: actorShape.meta({ description: 'Who has said so.' }),
  })
  .meta({ id: 'Delegation' });

/** `/v1/delegations`: who decides approvals for whom, and until when. */
export function delegationRoutes(delegations: Delegations): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/delegations',
      summary: 'Lists the rights to decide that are handed on now, the next to end first.',
      permission: 'approvals:read',
      answers: { 200: listOf(delegationShape) },
      handle: async ({ tenantId }) => ok({ items: await delegations.list(tenantId), next: null }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/delegations/:id',
      summary: 'Shows a right to decide that is handed on.',
      permission: 'approvals:read',
      answers: { 200: delegationShape },
      errors: ['DELEGATION_UNKNOWN'],
      handle: async ({ tenantId, params: { id } }) => ok(await delegations.find(tenantId, id)),
    }),
    ...changingRoutes(delegations),
  ];
}

function changingRoutes(delegations: Delegations): readonly Route[] {
  return [
    defineRoute({
      method: 'post',
      path: '/v1/delegations',
      summary: 'Hands a right to decide to somebody else, until a moment.',
      description:
        "Everybody hands on their own: a person as that person, an API key as the one person that it stands for. Others' rights hands on who has the permission `approvals:administer`, and never to themself. The same two people again: the newer one holds.",
      permission: 'approvals:delegate',
      body: handBody,
      answers: { 201: delegationShape },
      handle: async ({ tenantId, actor, principal, body, demand }) => {
        // A right is of no module and no company: whoever has it decides about all.
        demand(wholeReach);
        const speaker = speakerOf(principal);
        const { to, from = speaker.person } = body;
        if (from === null) throw nobody(principal);
        const until = new Date(body.until);
        const made = await delegations.hand({ tenantId, from, to, until, actor, speaker });
        return created(`/v1/delegations/${made?.id}`, made);
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/delegations/:id',
      summary: 'Ends one before its time: who gave it, who has it, or an administrator.',
      permission: 'approvals:delegate',
      answers: { 200: delegationShape },
      errors: ['DELEGATION_UNKNOWN'],
      handle: async ({ tenantId, actor, principal, params: { id } }) => {
        const by = { actor, speaker: speakerOf(principal) };
        return ok(await delegations.end({ tenantId, id }, by), null);
      },
    }),
  ];
}

/** Rights of others are of no module and no company: who may touch some only administers none. */
function speakerOf(principal: Principal): Speaker {
  const { actor, person = null } = principal;
  return {
    person: actor.kind === 'person' ? actor.id : person,
    parties: [actor.id, ...(actor.onBehalfOf ?? [])],
    isAdmin: isAllowed(principal, 'approvals:administer', wholeReach),
  };
}

function nobody({ actor }: Principal): EngineError {
  return new EngineError(
    'PERMISSION_DENIED',
    `'${actor.id}' stands for nobody and has no right of its own to hand on; call with a key that stands for one person.`,
  );
}
