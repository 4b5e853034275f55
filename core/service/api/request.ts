import type { Request, Response } from 'express';
import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';

/** Reads the query by its schema. @throws INPUT_INVALID */
export function readQuery<S extends z.ZodType>(request: Request, schema: S): z.output<S> {
  return parse(schema, request.query, 'query');
}

/** Reads a JSON body by its schema. @throws INPUT_INVALID · MEDIA_UNSUPPORTED */
export function readBody<S extends z.ZodType>(request: Request, schema: S): z.output<S> {
  // null: there is no body, which the schema answers to; neither is there one of no bytes.
  if (request.get('Content-Length') !== '0' && request.is('application/json') === false) {
    throw new EngineError(
      'MEDIA_UNSUPPORTED',
      `The body is ${(request.headers['content-type'] ?? 'of no type').slice(0, 100)}; send it as application/json.`,
    );
  }
  return parse(schema, request.body, 'body');
}

/** Query parameters of a list; `cursor` is the `next` of the page before. */
export function paging<C extends z.ZodType>(
  cursor: C,
  limits: { readonly usual: number; readonly most: number },
) {
  return z.strictObject({
    cursor: cursor.optional(),
    limit: z.coerce.number().int().min(1).max(limits.most).default(limits.usual),
  });
}

/** A page of a list. */
export interface Page<T> {
  readonly items: readonly T[];
  /** For the next page's `cursor`; null on the last one. */
  readonly next: string | null;
}

/** Makes a page of `limit` items from rows that were read with a limit one higher. */
export function pageOf<T>(
  rows: readonly T[],
  limit: number,
  cursorOf: (last: T) => string,
): Page<T> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  return { items, next: rows.length > limit && last !== undefined ? cursorOf(last) : null };
}

/** The body of a request that says all by its path. */
export const emptyBody = z.strictObject({}).optional();

/** A moment, with its offset from UTC, or a day. */
export const momentOrDay = z.union([z.iso.datetime({ offset: true }), z.iso.date()]);

/** The largest number of a version or a step: what the database takes for one. */
const largestNumber = 2_147_483_647;

/** Number of a version. */
export const versionNumber: z.ZodInt = z.int().min(1).max(largestNumber);

/** The same in a query, where every number is text. */
export const versionInQuery: z.ZodType<number> = z.coerce.number().int().min(1).max(largestNumber);

/** Number of a step or an entry of a run, in a query. */
export const rowInQuery: z.ZodType<number> = z.coerce.number().int().min(0).max(largestNumber);

/** An entry among those of all runs: its run, and its number there. */
export const entryCursor: z.ZodString = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\/\d{1,15}$/i);

/** A day by which a run works. */
export const businessDay: z.ZodType<string> = z.iso
  .date()
  .refine((day) => day >= '0001', 'is before all years');

/** 32 bytes as hex: keys of effects, fingerprints, hashes of plans, digests. */
export const hexDigest: z.ZodString = z.string().regex(/^[0-9a-f]{64}$/);

/** An IANA time zone. */
export const timeZone: z.ZodString = z.string().refine(isTimeZone, 'is no IANA time zone');

function isTimeZone(name: string): boolean {
  try {
    return Boolean(new Intl.DateTimeFormat('en', { timeZone: name }));
  } catch {
    return false;
  }
}

/** Aborts when whoever asked has gone before the answer was complete. */
export function whenGone(response: Response): AbortSignal {
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  return gone.signal;
}

function parse<S extends z.ZodType>(schema: S, value: unknown, place: string): z.output<S> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = parsed.error.issues.map((issue) => ({
    pointer: issue.path.map((part) => `/${pointerPart(String(part))}`).join(''),
    detail: issue.message,
  }));
  const first = errors[0];
  throw new EngineError(
    'INPUT_INVALID',
    `The ${place} is not as it must be: ${first?.pointer || place}: ${first?.detail}.`,
    { details: { errors } },
  );
}

/** RFC 6901, section 3. */
function pointerPart(name: string): string {
  return name.slice(0, 100).replaceAll('~', '~0').replaceAll('/', '~1');
}
