import { STATUS_CODES } from 'node:http';
import { type ErrorCode, errorRow } from '../../../base/errors.ts';
import type { Route } from '../route.ts';
import type { AnswerObject, Reference } from './open-api.ts';

/** Codes that a route may answer with beside its own. */
function codesOf(route: Route): readonly ErrorCode[] {
  return [...new Set([...usual, ...common(route), ...special(route), ...(route.errors ?? [])])];
}

const usual = ['ORIGIN_REFUSED', 'INTERNAL', 'DB_UNAVAILABLE', 'DB_FULL'] as const;

function common({
  permission,
  isUncounted,
}: Pick<Route, 'permission' | 'isUncounted'>): readonly ErrorCode[] {
  return [
    ...(isUncounted ? [] : (['INPUT_INVALID', 'RATE_LIMITED'] as const)),
    ...(permission === null
      ? []
      : ([
          ...(['UNAUTHENTICATED', 'TOKEN_REFUSED', 'PERMISSION_DENIED'] as const),
          ...(['TENANT_SUSPENDED', 'TOKEN_UNCHECKED', 'SESSION_ENDED'] as const),
          'CSRF_TOKEN_REFUSED' as const,
        ] as const)),
  ];
}

function special({ method, body, current }: Route): readonly ErrorCode[] {
  return [
    ...(body ? (['BODY_TOO_LARGE', 'MEDIA_UNSUPPORTED'] as const) : []),
    ...(current && method !== 'get' ? (['PRECONDITION_FAILED'] as const) : []),
  ];
}

/** The problems of a document: each set of codes of a status once. */
export class Refusals {
  readonly #components = new Map<string, AnswerObject>();

  get components(): Readonly<Record<string, AnswerObject>> {
    return Object.fromEntries(this.#components);
  }

  /** The answers of a route that are problems, by status. */
  of(route: Route): Readonly<Record<string, AnswerObject | Reference>> {
    const own = byStatus(codesOf(route));
    const usually = byStatus([...usual, ...common(route)]);
    const known = byStatus([...usual, ...common({ permission: 'runs:read' })]);
    const answers = [...own].map(([status, codes]): [string, AnswerObject | Reference] => {
      if (codes.length !== usually.get(status)?.length)
        return [String(status), refusal(status, codes)];
      const name = (STATUS_CODES[status] ?? '').replace(/\W/g, '');
      const isLess = codes.length !== known.get(status)?.length;
      return [
        String(status),
        this.#shared(isLess ? `${name}Public` : name, refusal(status, codes)),
      ];
    });
    const rest = {
      description: 'Whatever else goes wrong.',
      content: { 'application/problem+json': { schema: problem } },
    };
    return Object.fromEntries([...answers, ['default', this.#shared('Problem', rest)]]);
  }

  #shared(name: string, answer: AnswerObject): Reference {
    this.#components.set(name, answer);
    return { $ref: `#/components/responses/${name}` };
  }
}

function byStatus(codes: readonly ErrorCode[]): ReadonlyMap<number, readonly ErrorCode[]> {
  return Map.groupBy(codes, (code) => errorRow(code).status);
}

const problem = { $ref: '#/components/schemas/Problem' };

function refusal(status: number, codes: readonly ErrorCode[]): AnswerObject {
  const code = { type: 'string', enum: codes };
  const named = { type: 'object', properties: { code } };
  return {
    description: `${STATUS_CODES[status]}: ${codes.map((each) => `\`${each}\``).join(', ')}.`,
    ...(status === 429 && {
      headers: { 'Retry-After': { $ref: '#/components/headers/Retry-After' } },
    }),
    content: { 'application/problem+json': { schema: { allOf: [problem, named] } } },
  };
}
