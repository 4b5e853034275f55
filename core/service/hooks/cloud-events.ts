import { z } from 'zod';
import { EngineError } from '../../base/errors.ts';
import { isDeeperJson } from '../../base/nesting.ts';
import { nestedTooDeep } from '../api/body.ts';
import type { Post } from './verify.ts';

/** One event as a mapping sees it: of a CloudEvent its attributes and `data`. */
export type Item = Readonly<Record<string, unknown>>;

/** What a post holds, before it is mapped. */
export interface Posted {
  readonly kind: 'cloud-events' | 'json';
  /** What was posted, whole. */
  readonly body: unknown;
  /** The CloudEvents; of plain JSON a mapping says which they are. */
  readonly items: readonly Item[];
}

// Section 2.1 of the core specification: no control characters, no half of a surrogate pair.
const name = z
  .string()
  .min(1)
  .max(500)
  .refine((text) => !/\p{Cc}/u.test(text) && text.isWellFormed(), 'has control characters');
const cloudEvent = z.looseObject({
  specversion: z.literal('1.0'),
  id: name,
  source: name,
  type: name,
  subject: name.optional(),
  time: z.string().max(100).optional(),
});

/**
 * Reads what a genuine post holds: a CloudEvent in binary or structured mode, a batch of them, or plain JSON.
 * @throws INPUT_INVALID for what is none of them · MEDIA_UNSUPPORTED
 * @see https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md
 */
export function readPost(post: Post): Posted {
  const type = (post.headers['content-type'] ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/cloudevents-batch+json') return readBatch(jsonOf(post));
  if (type === 'application/cloudevents+json') return readBatch([jsonOf(post)]);
  if (type.startsWith('application/cloudevents')) throw unsupported(type);
  if ('ce-specversion' in post.headers) return readBatch([binaryOf(post, type)]);
  // Senders that leave the type out send JSON.
  if (!isJson(type) && type !== '') throw unsupported(type);
  return { kind: 'json', body: jsonOf(post), items: [] };
}

function readBatch(body: unknown): Posted {
  const parsed = z.array(cloudEvent).min(1).safeParse(body);
  if (parsed.success) return { kind: 'cloud-events', body, items: parsed.data };
  const issue = parsed.error.issues[0];
  throw new EngineError(
    'INPUT_INVALID',
    `This is no CloudEvent of version 1.0: ${issue?.path.join('.') || 'body'}: ${issue?.message}.`,
  );
}

function binaryOf(post: Post, type: string): unknown {
  const attributes = Object.entries(post.headers)
    .filter(([header]) => header.startsWith('ce-'))
    .map(([header, value]) => [header.slice(3), decoded(value)] as const);
  const hasData = post.body.length > 0;
  const data = isJson(type) && hasData ? jsonOf(post) : hasData ? textOf(post) : null;
  return { ...Object.fromEntries(attributes), data };
}

/** Section 3.1.3.2: values of headers are percent-encoded. */
function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    throw new EngineError('INPUT_INVALID', 'A ce- header is not percent-encoded as UTF-8.');
  }
}

function isJson(type: string): boolean {
  return type === 'application/json' || type === 'text/json' || type.endsWith('+json');
}

/** @throws INPUT_INVALID */
function jsonOf(post: Post): unknown {
  const text = textOf(post);
  if (isDeeperJson(text)) throw nestedTooDeep();
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new EngineError('INPUT_INVALID', 'The body is no JSON.', { cause });
  }
}

/** @throws INPUT_INVALID */
function textOf({ body }: Post): string {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(body);
  } catch (cause) {
    throw new EngineError('INPUT_INVALID', 'The body is not UTF-8.', { cause });
  }
}

function unsupported(type: string): EngineError {
  return new EngineError(
    'MEDIA_UNSUPPORTED',
    `The body is ${type.slice(0, 100)}; send JSON, or CloudEvents 1.0 in JSON.`,
  );
}
