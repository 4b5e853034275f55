import { createHash } from 'node:crypto';
import { type Request, type RequestHandler, type Response, Router } from 'express';
import { EngineError } from '../../base/errors.ts';
import { isAllowed, nobody, type Principal } from '../identity/principal.ts';
import type { Proof } from '../identity/proof.ts';
import type { Alone } from './alone.ts';
import { idempotencyKey } from './idempotency.ts';
import { chargeMore, costOf } from './rate.ts';
import { readBody, readQuery, whenGone } from './request.ts';
import type { Answer, Call, Route } from './route.ts';

/** What routes are served with. */
export interface MountParts {
  /** Ends when the server closes. */
  readonly closing: AbortSignal;
  /** Keeps changes with `If-Match` of one thing apart. @default they are not kept apart */
  readonly alone?: Alone | undefined;
}

type AnyCall = Call<never, never, never>;

/**
 * Serves routes, each with what it says of itself: its permission, its query and body, its key, its tag. Whoever calls stands in
 * `response.locals.principal`, where `identify` has put them.
 */
export function mount(routes: readonly Route[], parts: MountParts): Router {
  const router = Router();
  for (const route of routes) router[route.method](route.path, serve(route, parts));
  return router;
}

function serve(route: Route, parts: MountParts): RequestHandler {
  return async (request, response) => {
    if (route.deprecated) tellAge(response, route.deprecated);
    const principal = principalOf(response, route);
    await chargeMore(response, costOf(route) - 1);
    if (route.permission !== null) demand(principal, route.permission, {});
    const call = callOf(route, { request, response, principal, parts });
    const answer = await answerOf(route, call, parts);
    if (answer) send(route, response, answer);
  };
}

/** What a route answers. With `If-Match` nobody else who says so, too, changes the same between the look and the change. */
function answerOf(route: Route, call: AnyCall, { alone }: MountParts): Promise<Answer | undefined> {
  const handle = () => route.handle(call as Call<unknown, unknown, unknown>);
  const asked = call.request.get('If-Match');
  const isPlain = asked === undefined || asked.trim() === '*';
  if (!route.current || route.method === 'get' || isPlain) return handle();
  const change = async () => {
    await compare(route, call, asked);
    return handle();
  };
  return alone ? alone(changedBy(route, call), change) : change();
}

/** The name of what a route changes: `/v1/agents/desk.counter` for all that change that agent, of whichever tenant. */
function changedBy({ path }: Route, { params }: AnyCall): string {
  const [, version, things, parameter = ''] = path.split('/');
  const name = (params as Readonly<Record<string, string>>)[parameter.slice(1)];
  return `/${version}/${things}/${name}`;
}

/** Who calls. @throws UNAUTHENTICATED where nobody was made out, on a route that needs somebody */
function principalOf({ locals }: Response, { permission }: Route): Principal {
  const known = locals.principal as Principal | undefined;
  if (known) return known;
  if (permission === null) return nobody;
  if (locals.refusal) throw locals.refusal;
  throw new EngineError(
    'UNAUTHENTICATED',
    'Nobody is known by this request; send an API key as: Authorization: Bearer tutti_…',
  );
}

function demand(
  principal: Principal,
  permission: NonNullable<Route['permission']>,
  reach: Parameters<AnyCall['demand']>[0],
): void {
  if (isAllowed(principal, permission, reach)) return;
  const where = [
    reach.module === undefined ? '' : ` for module '${reach.module ?? 'all of them'}'`,
    reach.company === undefined ? '' : ` for company '${reach.company ?? 'all of them'}'`,
  ].join('');
  throw new EngineError(
    'PERMISSION_DENIED',
    `This needs the permission '${permission}'${where}, which '${principal.actor.id}' does not have.`,
  );
}

function callOf(
  route: Route,
  of: {
    readonly request: Request;
    readonly response: Response;
    readonly principal: Principal;
    readonly parts: MountParts;
  },
): AnyCall {
  const { request, response, principal, parts } = of;
  const body = route.body ? readBody(request, route.body) : undefined;
  const inBody = (body as { readonly key?: string } | undefined)?.key;
  return {
    params: request.params,
    query: route.query ? readQuery(request, route.query) : undefined,
    body,
    principal,
    proof: (response.locals.proof as Proof | undefined) ?? null,
    tenantId: principal.tenantId,
    actor: principal.actor,
    key: route.key === 'required' ? idempotencyKey(request, inBody) : '',
    get signal() {
      return AbortSignal.any([parts.closing, whenGone(response)]);
    },
    request,
    response,
    demand: (reach, permission = route.permission ?? 'runs:read') =>
      demand(principal, permission, reach),
  } as AnyCall;
}

function tellAge(response: Response, { since, gone }: NonNullable<Route['deprecated']>): void {
  response.set('Deprecation', `@${Math.floor(since.getTime() / 1_000)}`);
  if (gone) response.set('Sunset', gone.toUTCString());
}

/** RFC 9110, section 13. @throws PRECONDITION_FAILED */
async function compare(route: Route, call: AnyCall, asked: string): Promise<void> {
  const tag = tagOf(await route.current?.(call));
  if (asked.split(',').some((each) => each.trim() === tag)) return;
  throw new EngineError(
    'PRECONDITION_FAILED',
    'Somebody has changed this since it was read; read it again and send the change with its new ETag.',
  );
}

function send(route: Route, response: Response, answer: Answer): void {
  const { status, body, location, current = body } = answer;
  if (location !== undefined) response.location(location);
  if (route.current && current !== undefined && current !== null)
    response.set('ETag', tagOf(current));
  if (body === undefined) response.status(status).end();
  else if (route.method === 'get' && !route.isTaggedInPart && isKnown(response))
    response.status(304).end();
  else response.status(status).json(body);
}

/**
 * Whether the caller has what there is. By the tag alone (RFC 9110, section 13.1.2): browsers and `fetch` send `Cache-Control: no-cache` with
 * a tag of the caller's own, and Express would then never say so.
 */
function isKnown(response: Response): boolean {
  const asked = response.req.get('If-None-Match');
  const tag = response.get('ETag');
  if (asked === undefined || tag === undefined) return false;
  return asked.split(',').some((each) => ['*', tag].includes(each.trim().replace(/^W\//, '')));
}

/** A strong tag: the same for the same JSON. */
function tagOf(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  return `"${createHash('sha256').update(text).digest('base64url').slice(0, 27)}"`;
}
