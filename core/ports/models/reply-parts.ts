import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { isDeeperJson } from '../../base/nesting.ts';
import type { Echo, ModelReply, Part, Usage } from './model.ts';

/** Calls of tools in one reply; providers let models ask for a handful at once, and 128 tools is what most can be offered. */
const maxCalls = 128;
const maxDepth = 64;
// Providers' ids have some 30 characters, names of tools at most 64.
const maxNameLength = 256;

/** Reads JSON of a provider by its schema. @throws MODEL_REPLY_INVALID, naming the paths that are wrong and no value */
export function parseReply<S extends z.ZodType>(schema: S, raw: unknown): z.output<S> {
  const parsed = schema.safeParse(raw);
  if (parsed.success) return parsed.data;
  const where = parsed.error.issues.map(({ path, code }) => `${path.join('.') || 'reply'} ${code}`);
  throw invalidReply(`it is not of the documented form (${where.slice(0, 3).join(', ')})`);
}

/** The error of a reply that cannot be used. */
export function invalidReply(why: string): EngineError {
  return new EngineError('MODEL_REPLY_INVALID', `The model's reply cannot be used: ${why}.`);
}

/**
 * Reasons by which servers say in order that they gave a reply up: OpenRouter and vLLM, vLLM and SGLang, DeepSeek. Others that are
 * unknown are ends, for servers have many names of their own for those.
 */
const brokenOff: readonly string[] = ['error', 'abort', 'insufficient_system_resource'];

/** Refuses a reply whose server says that it has not finished it. @throws MODEL_UNAVAILABLE */
export function refuseBrokenOff(reasons: readonly string[], model: string): void {
  const reason = reasons.find((each) => brokenOff.includes(each));
  if (reason === undefined) return;
  throw new EngineError(
    'MODEL_UNAVAILABLE',
    `The server of ${model} broke its reply off (${reason}); try later.`,
  );
}

// 1e9 tokens are beyond any context window, and keep cost sums far from 2^53.
const tokens = z.int().min(0).max(1_000_000_000);
const usageSchema = z
  .object({
    input: tokens,
    cachedInput: tokens.nullish().transform((count) => count ?? 0),
    cacheWrite: tokens.nullish().transform((count) => count ?? 0),
    output: tokens,
    reasoning: tokens.nullish().transform((count) => count ?? 0),
  })
  .refine(({ input, cachedInput, cacheWrite }) => cachedInput + cacheWrite <= input)
  .refine(({ output, reasoning }) => reasoning <= output);

/** Checks counted tokens: whole, not negative, parts no greater than their sums. @throws MODEL_REPLY_INVALID */
export function toUsage(raw: Readonly<Record<keyof Usage, unknown>>): Usage {
  const parsed = usageSchema.safeParse(raw);
  if (parsed.success) return parsed.data;
  throw invalidReply('its token counts make no sense, so it cannot be charged');
}

/**
 * The arguments of a call as the model wrote them: parsed JSON, or the raw text when that is no JSON or is nested deeper
 * than 64. An empty text is an empty object, as providers send it for tools without parameters. A whole number beyond 2^53 stays the
 * text that it is written as: as a number it would be another record's.
 */
export function readArguments(text: string): unknown {
  if (text.trim() === '') return {};
  if (isDeeperJson(text, maxDepth)) return text.toWellFormed();
  try {
    return JSON.parse(text, asSaid);
  } catch {
    return text.toWellFormed();
  }
}

/** JSON.parse source text access: https://tc39.es/proposal-json-parse-with-source */
function asSaid(_name: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value === 'string') return value.toWellFormed();
  const isWhole = typeof value === 'number' && /^-?\d+$/.test(context?.source ?? '');
  return isWhole && !Number.isSafeInteger(value) ? context?.source : value;
}

/** The arguments of a call as providers take them back: an object. What is none is wrapped, so that the model sees it. */
export function toArguments(args: unknown): Record<string, unknown> {
  const isObject = typeof args === 'object' && args !== null && !Array.isArray(args);
  return isObject ? (args as Record<string, unknown>) : { invalid: args };
}

/**
 * Settles why the model stopped and which parts count: calls of a reply that was cut or refused are dropped, since
 * the last may be half of one. Empty texts are dropped, too.
 * @throws MODEL_REPLY_INVALID for calls without an id, ids given twice, more than 128 calls, or an echo nested deeper than 64
 */
export function settleParts(
  parts: readonly Part[],
  ended: 'end' | 'length' | 'refusal',
): Pick<ModelReply, 'parts' | 'stop'> {
  const texts = parts.filter((part) => part.kind !== 'text' || part.text !== '');
  for (const part of texts) if (part.kind !== 'result') checkEcho(part.echo);
  if (ended !== 'end') return { parts: texts.filter(({ kind }) => kind !== 'call'), stop: ended };
  const calls = texts.filter((part) => part.kind === 'call');
  checkCount(calls.length);
  const ids = calls.map(({ id }) => id);
  if (ids.includes('')) throw invalidReply('a call has no id');
  if (calls.some(({ id, name }) => !isPlain(id) || !isPlain(name))) {
    throw invalidReply('a call has an id or a name that is none');
  }
  if (new Set(ids).size < ids.length) throw invalidReply('two calls have the same id');
  return { parts: texts, stop: ids.length > 0 ? 'tools' : 'end' };
}

/** Refuses the first call too many, so that a reply of many thousands costs nothing. @throws MODEL_REPLY_INVALID */
export function checkCount(calls: number): void {
  if (calls > maxCalls) throw invalidReply(`it asks for more than ${maxCalls} calls at once`);
}

function isPlain(name: string): boolean {
  return name.length <= maxNameLength && name.isWellFormed() && !name.includes('\0');
}

// What goes back unread is written and sent by code that recurs.
function checkEcho(echo: Echo | undefined): void {
  let level: unknown[] = [...(echo?.blocks ?? [])];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > maxDepth) throw invalidReply('its reasoning is nested too deep');
    level = level.flatMap((value) =>
      typeof value === 'object' && value !== null ? Object.values(value) : [],
    );
  }
}
