import { z } from 'zod';
import { permissions } from '../../identity/permission.ts';
import { sessionCookieName } from '../../identity/session-cookie.ts';
import type { AnswerShape, Route } from '../route.ts';
import type { AnswerObject, Content, OpenApi, Operation, Parameter } from './open-api.ts';
import { answerHeaders, parametersOf } from './parameters.ts';
import { Refusals } from './refusals.ts';
import { Schemas } from './schemas.ts';
import { tagOf, tagsOf } from './tags.ts';

/** A type of event that endpoints are told of. */
export interface WebhookType {
  /** `run.ended` */
  readonly name: string;
  readonly summary: string;
  /** What `data` of its message holds. */
  readonly data: z.ZodType;
}

/** The document of an API: nothing in it is written by hand but what its routes say of themselves. */
export function openApiOf(
  routes: readonly Route[],
  webhookTypes: readonly WebhookType[] = [],
): OpenApi {
  const schemas = new Schemas();
  const refusals = new Refusals();
  schemas.of(problemShape, 'output');
  const byPath = Map.groupBy(routes, ({ path }) => templateOf(path));
  const paths = [...byPath].map(([path, own]) => [
    path,
    Object.fromEntries(own.map((route) => [route.method, operationOf(route, schemas, refusals)])),
  ]);
  const webhooks = webhookTypes.map((type) => [type.name, { post: webhookOf(type, schemas) }]);
  return {
    openapi: '3.1.0',
    info,
    servers: [{ url: '/', description: 'The installation that serves this document.' }],
    tags: tagsOf(routes),
    paths: Object.fromEntries(paths),
    webhooks: Object.fromEntries(webhooks),
    components: {
      schemas: schemas.components,
      responses: refusals.components,
      headers: answerHeaders,
      securitySchemes: { bearer, session },
    },
  };
}

/** `/v1/runs/{id}` of `/v1/runs/:id`. */
function templateOf(path: string): string {
  return path.replace(/:(\w+)/g, '{$1}');
}

const info = {
  title: 'Tutti',
  version: '1',
  summary: 'Runs AI agents over the ERP of a company.',
  description:
    'Send JSON, get JSON. Errors are problems (RFC 9457) with a stable `code`. What begins work is answered at once with 202 and a `Location`, and takes an `Idempotency-Key`. Lists come in pages: ask again with the `next` of a page as `cursor` until it is null. New members may be added to answers; nothing else changes within a version.',
  license: { name: 'MIT', identifier: 'MIT' },
  contact: { name: 'Whoever runs this installation' },
};

const bearer = {
  type: 'http',
  scheme: 'bearer',
  description:
    'An API key (`tutti_…`) or a token of an issuer that the installation trusts. Programs of its own machine may need none.',
};

const session = {
  type: 'apiKey',
  in: 'cookie',
  name: sessionCookieName,
  description:
    'A session that `POST /v1/sessions` has begun, for browsers; on loopback without TLS its cookie is called `tutti`. What it changes needs its CSRF token in the header `X-CSRF-Token`. A header `Authorization` goes first.',
};

const schemes = {
  credential: [{ bearer: [] }],
  session: [{ session: [] }],
  any: [{ bearer: [] }, { session: [] }],
} as const;

const problemShape = z
  .object({
    type: z.string().meta({ description: '`about:blank`, or the kind of problem.' }),
    title: z.string().meta({ description: 'What the status means.' }),
    status: z.int().min(400).max(599),
    detail: z.string().meta({ description: 'What happened, and what to do.' }),
    instance: z.string().meta({ description: 'The path that was asked.' }),
    code: z.string().meta({ description: 'Of the catalogue of errors; it never changes.' }),
    retryable: z.boolean().meta({ description: 'Whether the same may succeed later by itself.' }),
    errors: z
      .array(z.object({ pointer: z.string(), detail: z.string() }))
      .optional()
      .meta({ description: 'Each wrong field, by JSON Pointer or name.' }),
    'violated-policies': z.array(z.string()).optional().meta({
      description: 'The limits that a request was beyond, by their names in `RateLimit-Policy`.',
    }),
  })
  .meta({ id: 'Problem' });

function operationOf(route: Route, schemas: Schemas, refusals: Refusals): Operation {
  const { method, path, summary, permission, body, answers } = route;
  const parameters = parametersOf(route, schemas);
  return {
    operationId: idOf(method, path),
    summary,
    description: describe(route),
    tags: [tagOf(route)],
    security: permission === null ? [] : schemes[route.by ?? 'any'],
    ...(permission !== null && { 'x-permission': permission }),
    ...(route.deprecated && { deprecated: true as const }),
    ...(parameters.length > 0 && { parameters }),
    ...(body && {
      requestBody: {
        required: !body.safeParse(undefined).success,
        content: { 'application/json': { schema: schemas.of(body, 'input') } },
      },
    }),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, shape]) => [
          status,
          answerOf(route, { status, shape: shape as AnswerShape, schemas }),
        ]),
      ),
      ...(route.current && method === 'get' && { 304: { description: 'Nothing has changed.' } }),
      ...refusals.of(route),
    },
  };
}

function describe({ description, permission }: Route): string {
  const needs =
    permission === null
      ? 'Anybody may ask this.'
      : `Needs the permission \`${permission}\`: to ${permissions[permission]}.`;
  return description === undefined ? needs : `${description}\n\n${needs}`;
}

const meanings: Readonly<Record<string, string>> = {
  200: 'Here it is.',
  201: 'It is made.',
  202: 'It is begun; `Location` says where to follow it.',
  204: 'It is done, and there is nothing to say.',
  302: '`Location` says where it is.',
};

function answerOf(
  { isUncounted, current, permission }: Route,
  of: { readonly status: string; readonly shape: AnswerShape; readonly schemas: Schemas },
): AnswerObject {
  const { status, shape, schemas } = of;
  const names = [
    // Who posts ERP events follows nothing.
    ...(['201', '202', '302'].includes(status) && permission !== null ? ['Location'] : []),
    ...(current && status !== '204' ? ['ETag'] : []),
    ...(isUncounted ? [] : ['RateLimit-Policy', 'RateLimit']),
  ];
  const headers = names.map((name) => [name, { $ref: `#/components/headers/${name}` }]);
  const content = shape === null ? undefined : contentOf(shape, schemas);
  return {
    description: meanings[status] ?? 'Done.',
    ...(headers.length > 0 && { headers: Object.fromEntries(headers) }),
    ...(content && { content }),
  };
}

function contentOf(shape: NonNullable<AnswerShape>, schemas: Schemas): Content {
  if (shape instanceof z.ZodType)
    return { 'application/json': { schema: schemas.of(shape, 'output') } };
  return { [shape.type]: { schema: { type: 'string' } } };
}

/** `postRunsIdCancel`: what generated clients call it. */
function idOf(method: string, path: string): string {
  const words = path.replace(/^\/v1\//, '/').match(/[A-Za-z0-9]+/g) ?? ['index'];
  return method + words.map((word) => word[0]?.toUpperCase() + word.slice(1)).join('');
}

function webhookOf({ name, summary, data }: WebhookType, schemas: Schemas): Operation {
  const message = z.object({ type: z.literal(name), timestamp: z.iso.datetime(), data });
  const header = (each: string, description: string): Parameter => ({
    ...{ name: each, in: 'header', required: true, description, schema: { type: 'string' } },
  });
  return {
    operationId: idOf('on', name),
    summary,
    description: `${summary} Signed as https://www.standardwebhooks.com says.`,
    tags: ['webhooks'],
    security: [],
    parameters: [
      header('webhook-id', 'The same each time that the message is sent again.'),
      header('webhook-timestamp', 'When it was sent, in seconds since 1970.'),
      header('webhook-signature', 'Signatures of id, timestamp and body.'),
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: schemas.of(message, 'output') } },
    },
    responses: {
      '2XX': { description: 'It has arrived.' },
      410: { description: 'Send no more: the endpoint is switched off.' },
    },
  };
}
