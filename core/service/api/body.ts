import express, { type Request, type RequestHandler } from 'express';
import { EngineError } from '../../base/errors.ts';
import { isDeeper, mostLevels } from '../../base/nesting.ts';

/** What a body of JSON may hold. */
export const largestBodyBytes = 1_048_576;

/** Refuses the body of a request that is nested too deep. */
export function nestedTooDeep(): EngineError {
  const message = `The body is nested more than ${mostLevels} levels deep; send it flatter.`;
  return new EngineError('INPUT_INVALID', message);
}

/** Reads bodies of JSON, before any route does. */
export const readJson: readonly RequestHandler[] = [
  express.json({ limit: largestBodyBytes }),
  (request, _response, next) => {
    if (isUnread(request))
      throw new EngineError(
        'INPUT_INVALID',
        'The connection was closed before the body had been read; keep it open until the answer comes.',
      );
    if (isDeeper(request.body)) throw nestedTooDeep();
    next();
  },
];

/**
 * The same, but nothing of callers whom nobody knows: whatever they send they are refused for that, and a megabyte of each of thousands
 * would be held until then.
 */
export const readJsonOfKnown: readonly RequestHandler[] = readJson.map((read): RequestHandler => {
  return (request, response, next) =>
    response.locals.principal === undefined ? next() : read(request, response, next);
});

/**
 * Whether there is a body that the parser has passed over, as it does where the sender's side is closed by the time that it comes to it: what
 * was asked for must not be done as if nothing had been said.
 */
function isUnread({ body, headers, readable, socket }: Request): boolean {
  if (body !== undefined || (readable && socket.readable)) return false;
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}
