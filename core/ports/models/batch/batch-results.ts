import type { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Connection } from '../connection.ts';
import { toModelError } from '../fault.ts';
import type { ModelReply, ModelRequest } from '../model.ts';
import { invalidReply } from '../reply-parts.ts';
import type { BatchModel, BatchResult } from './batch.ts';
import { readWireId } from './batch-items.ts';

/** How one provider writes its results. */
export interface ResultForm<L> {
  readonly connection: Connection;
  readonly schema: z.ZodType<L>;
  readonly wireIdOf: (line: L) => string;
  /** The reply in a line. @throws what the request failed with, as the SDK would throw it or as ours */
  readonly read: (line: L, request: ModelRequest) => ModelReply;
}

type RequestOf = Parameters<BatchModel['results']>[1]['requestOf'];

/**
 * Turns lines into results: each id once (the first line of it counts), unknown ids not at all, blank lines not either.
 * Lines that cannot be read are told when all others are through, so that one of them costs one result.
 * @throws MODEL_REPLY_INVALID
 */
export async function* readResults<L>(
  lines: AsyncIterable<string | undefined>,
  form: ResultForm<L>,
  requestOf: RequestOf,
): AsyncGenerator<BatchResult, void, undefined> {
  const seen = new Set<string>();
  let unread = 0;
  for await (const text of lines) {
    if (text?.trim() === '') continue;
    const line = parseLine(text, form.schema);
    if (line === undefined) {
      unread++;
      continue;
    }
    const id = readWireId(form.wireIdOf(line))?.id;
    if (id === undefined || seen.has(id)) continue;
    const request = await requestOf(id);
    if (request === undefined) continue;
    seen.add(id);
    yield readResult(id, line, { form, request });
  }
  if (unread > 0) throw invalidReply(`${unread} of its lines are not of the documented form`);
}

function parseLine<L>(text: string | undefined, schema: z.ZodType<L>): L | undefined {
  if (text === undefined) return undefined;
  try {
    return schema.safeParse(JSON.parse(text)).data;
  } catch {
    // No JSON, or nested deeper than the stack: both are lines that cannot be read.
    return undefined;
  }
}

function readResult<L>(
  id: string,
  line: L,
  { form, request }: { readonly form: ResultForm<L>; readonly request: ModelRequest },
): BatchResult {
  try {
    return { id, reply: form.read(line, request) };
  } catch (thrown) {
    return { id, error: toModelError(thrown, form.connection, request) };
  }
}

/** The error of a request that its batch never got to. It costs nothing. */
export function unansweredError(
  kind: 'batch_expired' | 'batch_cancelled',
  { provider, origin }: Connection,
): EngineError {
  const why = kind === 'batch_expired' ? 'expired' : 'was cancelled';
  return new EngineError(
    'MODEL_UNAVAILABLE',
    `${provider} at ${origin} did not get to a request before its batch ${why}; call directly.`,
    { details: { kind } },
  );
}
