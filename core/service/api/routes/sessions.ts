import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Identity } from '../../identity/identity.ts';
import { type Role, roleNames } from '../../identity/permission.ts';
import { isAllowed } from '../../identity/principal.ts';
import type { SessionProof } from '../../identity/proof.ts';
import {
  clearSessionCookie,
  refuseOtherPages,
  setSessionCookie,
} from '../../identity/session-cookie.ts';
import { csrfTokenOf } from '../../identity/session-secret.ts';
import type { SessionsOf, SessionView } from '../../identity/sessions.ts';
import { wholeReach } from '../reach.ts';
import { type Call, created, defineRoute, nothing, ok, type Route } from '../route.ts';
import { actorShape, instant, listOf } from '../shapes.ts';

/** As a request that starts work: each is a row until it has expired. */
const signInCost = 5;

const sessionShape = z
  .object({
    id: z.string(),
    isCurrent: z.boolean().meta({ description: 'Whether it is the one that asks.' }),
    actor: actorShape,
    person: z.string().nullable().meta({ description: 'As whom it decides; null: nobody.' }),
    roles: z.array(z.enum(roleNames as [Role, ...Role[]])),
    modules: z.array(z.string()).nullable(),
    companies: z.array(z.string()).nullable(),
    key: z.string().nullable().meta({ description: 'The key that it was begun with.' }),
    issuer: z.string().nullable().meta({ description: 'The issuer of the token that it was.' }),
    madeAt: instant,
    seenAt: instant.meta({ description: 'To the minute.' }),
    idleUntil: instant.meta({ description: 'When it ends unless it is used before.' }),
    expiresAt: instant.meta({ description: 'When it ends however much it is used.' }),
    userAgent: z.string(),
    address: z.string(),
  })
  .meta({ id: 'Session' });
const ownShape = z
  .object({
    session: sessionShape,
    csrfToken: z.string().meta({
      description: 'For the header `X-CSRF-Token` of whatever the session changes.',
    }),
  })
  .meta({ id: 'OwnSession' });
const endedShape = z.object({ ended: z.int() }).meta({ id: 'EndedSessions' });

type AnyCall = Pick<Call<unknown, unknown, unknown>, 'principal' | 'tenantId' | 'proof'>;

/** `/v1/sessions`: people in browsers, who go on with a cookie where they have shown a key or a token once. */
export function sessionRoutes(identity: Identity): readonly Route[] {
  return [
    beginning(identity),
    ...currentRoutes(identity),
    ...listRoutes(identity),
    ...endingRoutes(identity),
  ];
}

function beginning({ sessions }: Identity): Route {
  return defineRoute({
    method: 'post',
    path: '/v1/sessions',
    summary: 'Signs in: begins a session for a browser, and sets its cookie.',
    description:
      'With a key or a token in the header `Authorization`. The cookie is HttpOnly and SameSite=Strict; it may do what the key or the token may, as long as that counts.',
    permission: 'sessions:use',
    by: 'credential',
    cost: signInCost,
    answers: { 201: ownShape },
    handle: async ({ principal, proof, request, response }) => {
      if (proof === null || proof.kind === 'session') throw withoutCredential();
      refuseOtherPages(request);
      const browser = { userAgent: request.get('User-Agent') ?? '', address: request.ip ?? '' };
      const { session, secret } = await sessions.begin({ principal, proof }, browser);
      setSessionCookie(response, secret);
      const body = { session: { ...session, isCurrent: true }, csrfToken: csrfTokenOf(secret) };
      return created(`/v1/sessions/${session.id}`, body);
    },
  });
}

function currentRoutes({ sessions }: Identity): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/sessions/current',
      summary: 'Shows the session that asks, with its CSRF token.',
      permission: 'sessions:use',
      by: 'session',
      answers: { 200: ownShape },
      errors: ['SESSION_UNKNOWN'],
      handle: async (call) => {
        const { id, csrfToken } = sessionOf(call);
        const session = await sessions.get({ tenantId: call.tenantId, id });
        return ok({ session: { ...session, isCurrent: true }, csrfToken });
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/sessions/current',
      summary: 'Signs out: ends the session that asks, and takes its cookie back.',
      permission: 'sessions:use',
      by: 'session',
      answers: { 204: null },
      errors: ['SESSION_UNKNOWN'],
      handle: async (call) => {
        const { id } = sessionOf(call);
        await sessions.end({ tenantId: call.tenantId, id }, call.actor);
        clearSessionCookie(call.response);
        return nothing;
      },
    }),
  ];
}

function listRoutes({ sessions }: Identity): readonly Route[] {
  return [
    defineRoute({
      method: 'get',
      path: '/v1/sessions',
      summary:
        'Lists your own sessions, the last used first; for administrators those of everybody.',
      permission: 'sessions:use',
      answers: { 200: listOf(sessionShape) },
      handle: async (call) => {
        const items = await sessions.list(withinReach(call));
        return ok({ items: items.map((each) => shown(each, call)), next: null });
      },
    }),
    defineRoute({
      method: 'get',
      path: '/v1/sessions/:id',
      summary: 'Shows a session, without what it takes to use it.',
      permission: 'sessions:use',
      answers: { 200: sessionShape },
      errors: ['SESSION_UNKNOWN'],
      handle: async (call) => {
        const { id } = call.params;
        return ok(shown(await sessions.get({ ...withinReach(call), id }), call));
      },
    }),
  ];
}

function endingRoutes({ sessions }: Identity): readonly Route[] {
  return [
    defineRoute({
      method: 'delete',
      path: '/v1/sessions',
      summary:
        'Signs you out everywhere: ends all of your own sessions, the one that asks included.',
      permission: 'sessions:use',
      answers: { 200: endedShape },
      handle: async ({ tenantId, principal, proof, actor, response }) => {
        const ended = await sessions.end({ tenantId, principal: principal.id }, actor);
        if (proof?.kind === 'session') clearSessionCookie(response);
        return ok({ ended: ended.length });
      },
    }),
    defineRoute({
      method: 'delete',
      path: '/v1/sessions/:id',
      summary: 'Ends a session: within a second its cookie works nowhere.',
      permission: 'sessions:use',
      answers: { 204: null },
      errors: ['SESSION_UNKNOWN'],
      handle: async (call) => {
        const of = { ...withinReach(call), id: call.params.id };
        await sessions.get(of);
        await sessions.end(of, call.actor);
        if (call.proof?.kind === 'session' && call.proof.id === of.id)
          clearSessionCookie(call.response);
        return nothing;
      },
    }),
  ];
}

/** The sessions that a caller may look at and end; those of everybody belong to no module and no company. */
function withinReach({ tenantId, principal }: AnyCall): SessionsOf {
  if (isAllowed(principal, 'sessions:administer', wholeReach)) return { tenantId };
  return { tenantId, principal: principal.id };
}

function shown(view: SessionView, { proof }: AnyCall) {
  return { ...view, isCurrent: proof?.kind === 'session' && proof.id === view.id };
}

/** @throws SESSION_UNKNOWN */
function sessionOf({ proof }: AnyCall): SessionProof {
  if (proof?.kind === 'session') return proof;
  throw new EngineError(
    'SESSION_UNKNOWN',
    'This request is of no session: it has no cookie of one, or a header Authorization, which goes first.',
  );
}

function withoutCredential(): EngineError {
  return new EngineError(
    'UNAUTHENTICATED',
    'A session begins with an API key or a token; send it as: Authorization: Bearer …',
    { details: { none: true } },
  );
}
