import type { Route } from '../route.ts';
import type { JsonSchema, Parameter } from './open-api.ts';
import type { Schemas } from './schemas.ts';

/** Headers of answers that operations refer to. */
export const answerHeaders = {
  Location: {
    description: 'Where what was made or begun can be looked at.',
    schema: { type: 'string', format: 'uri-reference' },
  },
  ETag: {
    description: 'Names what there is now, for `If-Match` and `If-None-Match`.',
    schema: { type: 'string' },
  },
  'RateLimit-Policy': {
    description:
      'The limits of the caller: `q` points in `w` seconds (draft-ietf-httpapi-ratelimit-headers-11).',
    schema: { type: 'string' },
    example: '"perminute";q=600;w=60',
  },
  RateLimit: {
    description: 'What is left of the tightest limit: `r` points, renewed in `t` seconds.',
    schema: { type: 'string' },
    example: '"perminute";r=599;t=60',
  },
  'Retry-After': {
    description: 'Seconds after which it is worth another try.',
    schema: { type: 'integer', minimum: 1 },
  },
} as const;

/** What a caller may or must send beside the body: parts of the path, of the query, and headers. */
export function parametersOf(route: Route, schemas: Schemas): readonly Parameter[] {
  return [
    ...namesIn(route.path).map(
      (name): Parameter => ({
        ...{ name, in: 'path', required: true, schema: { type: 'string' } },
        description: described[name] ?? 'Which one.',
      }),
    ),
    ...queryOf(route, schemas),
    ...headersOf(route, schemas),
  ];
}

/** The parameters of a path, in their order. */
function namesIn(path: string): readonly string[] {
  return [...path.matchAll(/:(\w+)/g)].map(([, name]) => name as string);
}

const described: Readonly<Record<string, string>> = {
  id: 'Its id.',
  name: 'Its name.',
  key: 'Its key.',
  scope: '`tenant`, `module:NAME` or `workflow:NAME`.',
};

interface ObjectSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
}

function queryOf({ query }: Route, schemas: Schemas): readonly Parameter[] {
  if (!query) return [];
  // What callers write is text; what it means is the other side of the schema.
  const { properties = {} } = schemas.of(query, 'output') as ObjectSchema;
  const { required = [] } = schemas.of(query, 'input') as ObjectSchema;
  return Object.entries(properties).map(([name, { description, ...schema }]) => ({
    ...{ name, in: 'query', required: required.includes(name), schema },
    description:
      typeof description === 'string'
        ? description
        : (usualQuery[name] ?? `Only of this \`${name}\`.`),
  }));
}

const usualQuery: Readonly<Record<string, string>> = {
  cursor: 'The `next` of the page before.',
  limit: 'How many at most.',
  days: 'How many days, today included.',
};

/** Headers that some routes look at. */
function headersOf(
  { method, key, body, current, isTaggedInPart, answers }: Route,
  schemas: Schemas,
): readonly Parameter[] {
  const isStream = Object.values(answers).some(
    (shape) => shape !== null && 'type' in shape && shape.type === 'text/event-stream',
  );
  return [
    ...(key ? [idempotencyKey(body ? (schemas.of(body, 'input') as ObjectSchema) : {})] : []),
    ...(current && method !== 'get' ? [ifMatch] : []),
    ...(current && method === 'get' && !isTaggedInPart ? [ifNoneMatch] : []),
    ...(isStream ? [lastEventId] : []),
  ];
}

function idempotencyKey({ properties = {} }: ObjectSchema): Parameter {
  const isInBody = 'key' in properties;
  return {
    ...{ name: 'Idempotency-Key', in: 'header', required: !isInBody },
    schema: { type: 'string', minLength: 1, maxLength: 255 },
    description: `The same again is answered as before, and begins nothing.${isInBody ? ' Required, here or as `key` of the body.' : ''}`,
  };
}

const ifMatch: Parameter = {
  ...{ name: 'If-Match', in: 'header', required: false, schema: { type: 'string' } },
  description: 'Refuses the change with 412 where somebody else was faster.',
};
const ifNoneMatch: Parameter = {
  ...{ name: 'If-None-Match', in: 'header', required: false, schema: { type: 'string' } },
  description: 'Answers 304 where nothing has changed since.',
};
const lastEventId: Parameter = {
  ...{ name: 'Last-Event-ID', in: 'header', required: false },
  schema: { type: 'integer', minimum: 0 },
  description: 'The id of the last event that was seen.',
};
