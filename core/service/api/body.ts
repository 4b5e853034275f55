import express, { type RequestHandler } from 'express';
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
    // The parser passes over a request whose sender had gone before it came to it.
    if (!request.complete && !request.socket.readable)
      throw new EngineError('INPUT_INVALID', 'The request was cut off before its end.');
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
