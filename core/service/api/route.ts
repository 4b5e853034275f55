import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { ErrorCode } from '../../base/errors.ts';
import type { Permission } from '../identity/permission.ts';
import type { Principal, Reach } from '../identity/principal.ts';
import type { Proof } from '../identity/proof.ts';

/** The parameters that a path names: `/v1/runs/:id` has `id`. */
export type PathParameters<Path extends string> = Path extends `${infer Left}/${infer Right}`
  ? PathParameters<Left> & PathParameters<Right>
  : Path extends `:${infer Name}`
    ? { readonly [K in Name]: string }
    : unknown;

/** What a route's handler gets: everything read and checked. */
export interface Call<Params, Query, Body> {
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  readonly principal: Principal;
  /** What the caller was let in by; null: being on this machine, or nothing. */
  readonly proof: Proof | null;
  /** The caller's, for short. */
  readonly tenantId: number;
  /** The caller's, for short. */
  readonly actor: Principal['actor'];
  /** The idempotency key of a route that asks for one; '' elsewhere. */
  readonly key: string;
  /** Ends when the caller has gone or the server closes. */
  readonly signal: AbortSignal;
  /** For streams and pages, which answer by themselves. */
  readonly request: Request;
  readonly response: Response;
  /** Asks for more than the route's permission: for this module or this company. @throws PERMISSION_DENIED */
  demand(reach: Reach, permission?: Permission): void;
}

/** An answer: its status is one that the route documents. */
export interface Answer {
  readonly status: 200 | 201 | 202 | 204;
  readonly body?: unknown;
  /** The `Location` of what was made or begun. */
  readonly location?: string;
  /** What there is now, for its `ETag`, where the body is not just that; null: it gets none. @default the body */
  readonly current?: unknown;
}

/** What an answer of some status holds: a schema of its JSON, or the media type of what is no JSON. */
export type AnswerShape = z.ZodType | { readonly type: string } | null;

/** A route of the API as data: what serves it, checks it and documents it. */
export interface Route {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** The whole path, as Express takes it: `/v1/runs/:id`. */
  readonly path: string;
  /** A sentence: what it does. */
  readonly summary: string;
  /** More of it, where there is more to say. */
  readonly description?: string;
  /** What the caller must be allowed; null: anybody may, with no key. */
  readonly permission: Permission | null;
  /** What it must be asked with. @default a key, a token, or the cookie of a session */
  readonly by?: 'credential' | 'session';
  /** Whether it answers callers who are beyond their rate, too, and without asking who they are: for load balancers. @default false */
  readonly isUncounted?: true;
  /** Since when callers should use another one, and from when it may be gone: RFC 9745, RFC 8594. @default neither */
  readonly deprecated?: { readonly since: Date; readonly gone?: Date };
  readonly query?: z.ZodType;
  readonly body?: z.ZodType;
  /**
   * Whether a repeated request must be known again, by the header `Idempotency-Key` or the body's `key`. A route that starts work
   * says `required`.
   */
  readonly key?: 'required';
  /** What it costs of a caller's rate. @default 5 with `key`: it starts work; 1 without */
  readonly cost?: number;
  /** By status. A handler that answers by itself may redirect. */
  readonly answers: Readonly<Partial<Record<200 | 201 | 202 | 204 | 302, AnswerShape>>>;
  /** Codes of the catalogue beyond those that any route may answer with. */
  readonly errors?: readonly ErrorCode[];
  /**
   * What is there now. With it, answers carry its `ETag`, a GET may say `If-None-Match`, and a change may say `If-Match`, which is
   * refused with 412 when somebody else was faster.
   */
  readonly current?: (call: Call<never, never, never>) => Promise<unknown>;
  /** Whether the tag of a GET tells of what can be changed alone, and not of all that it answers: then it never answers 304. @default false */
  readonly isTaggedInPart?: true;
  /** Undefined: the handler has answered by itself. */
  // biome-ignore lint/suspicious/noExplicitAny: what each route's schemas make of a call is known where it is defined
  readonly handle: (call: Call<any, any, any>) => Promise<Answer | undefined>;
}

/** Defines a route; its handler's parameters are typed by its path and its schemas. */
export function defineRoute<
  const Path extends string,
  Query extends z.ZodType = z.ZodUndefined,
  Body extends z.ZodType = z.ZodUndefined,
>(
  route: Omit<Route, 'path' | 'query' | 'body' | 'handle' | 'current'> & {
    readonly path: Path;
    readonly query?: Query;
    readonly body?: Body;
    readonly current?: (
      call: Call<PathParameters<Path>, z.output<Query>, z.output<Body>>,
    ) => Promise<unknown>;
    readonly handle: (
      call: Call<PathParameters<Path>, z.output<Query>, z.output<Body>>,
    ) => Promise<Answer | undefined>;
  },
): Route {
  return Object.freeze(route) as Route;
}

/** 200 with a body; `current`: what there is now, where the body is not just that. */
export function ok(body: unknown, current: unknown = body): Answer {
  return { status: 200, body, current };
}

/** 201: something was made, and is at `location`. */
export function created(location: string, body: unknown, current: unknown = body): Answer {
  return { status: 201, location, body, current };
}

/** 202: something was begun, and can be followed at `location`. */
export function accepted(location: string, body: unknown): Answer {
  return { status: 202, location, body };
}

/** 204: done, and nothing is left to say. */
export const nothing: Answer = Object.freeze({ status: 204 });
