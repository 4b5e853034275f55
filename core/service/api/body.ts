import express, { type Request, type RequestHandler } from 'express';
import { EngineError } from '../../base/errors.ts';

/** What a body of JSON may hold. */
export const largestBodyBytes = 1_048_576;
/**
 * How deep it may be nested. JSON of 1 MB can be nested half a million deep, and whatever walks it afterwards (schemas, digests,
 * PostgreSQL) does so by recursion and would run out of stack.
 */
const mostLevels = 100;

/** Reads bodies of JSON, before any route does. */
export const readJson: readonly RequestHandler[] = [
  express.json({ limit: largestBodyBytes }),
  (request, _response, next) => {
    if (isUnread(request))
      throw new EngineError(
        'INPUT_INVALID',
        'The connection was closed before the body had been read; keep it open until the answer comes.',
      );
    if (isDeeper(request.body, mostLevels))
      throw new EngineError(
        'INPUT_INVALID',
        `The body is nested more than ${mostLevels} levels deep; send it flatter.`,
      );
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

/** Goes level by level: it needs no stack. */
function isDeeper(value: unknown, levels: number): boolean {
  let level = [value].filter(isNested);
  for (let left = levels; level.length > 0; left -= 1) {
    if (left === 0) return true;
    level = level.flatMap((each) => Object.values(each).filter(isNested));
  }
  return false;
}

function isNested(value: unknown): value is object {
  return value !== null && typeof value === 'object';
}
