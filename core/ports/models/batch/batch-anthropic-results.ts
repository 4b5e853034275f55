import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import { anthropicClient, collectMessage } from '../anthropic.ts';
import type { Connection } from '../connection.ts';
import type { ModelReply, ModelRequest } from '../model.ts';
import { parseReply } from '../reply-parts.ts';
import type { BatchState } from './batch.ts';
import { callBatch, openBody, toBatchError } from './batch-call.ts';
import { readLines } from './batch-lines.ts';
import { type ResultForm, readResults, unansweredError } from './batch-results.ts';

const count = z.int().min(0);
/** A batch as Anthropic shows it. */
export const batchSchema = z.object({
  id: z.string(),
  processing_status: z.string(),
  created_at: z.string(),
  request_counts: z.object({
    processing: count,
    succeeded: count,
    errored: count,
    canceled: count,
    expired: count,
  }),
});
export type Batch = z.output<typeof batchSchema>;

/** Which batch, where, and how to give the question up. */
export interface About {
  readonly connection: Connection;
  readonly id: string;
  readonly signal: AbortSignal;
}

/** The batch as it stands. */
export async function retrieve({ connection, id, signal }: About): Promise<Batch> {
  const client = await anthropicClient(connection);
  return await callBatch(connection, { signal, about: `batch ${id}` }, async (signal) =>
    parseReply(batchSchema, await client.messages.batches.retrieve(id, {}, { signal })),
  );
}

/** Where a batch stands, as the port has it. */
export function toState({ processing_status, request_counts }: Batch): BatchState {
  const { processing, succeeded, errored, canceled, expired } = request_counts;
  const unanswered = processing + canceled + expired;
  const total = succeeded + errored + unanswered;
  const counts = { total, succeeded, failed: errored, unanswered };
  if (processing_status !== 'ended') return { state: 'working', counts };
  return { state: canceled > 0 ? 'cancelled' : expired > 0 ? 'expired' : 'ended', counts };
}

/** The results of a batch. @throws MODEL_UNAVAILABLE while it is at work */
export async function* results(about: About, requestOf: Parameters<typeof readResults>[2]) {
  const { connection, id } = about;
  const batch = await retrieve(about);
  if (batch.processing_status !== 'ended') {
    throw new EngineError(
      'MODEL_UNAVAILABLE',
      `Batch ${id} is at work (${batch.processing_status}); read its results when it has ended.`,
    );
  }
  yield* readResults(lines(about), resultForm(connection), requestOf);
}

/**
 * The lines of a batch's results; by the path, not by the URL in the reply: the key goes to the configured host only. The SDK's own
 * reader keeps no bounds.
 */
export async function* lines({
  connection,
  id,
  signal,
}: About): AsyncGenerator<string | undefined, void, undefined> {
  const about = `batch ${id}`;
  const client = await anthropicClient(connection);
  const path = `/v1/messages/batches/${encodeURIComponent(id)}/results`;
  const headers = { accept: 'application/binary' };
  const body = await openBody(connection, { signal, about }, (signal) =>
    client.get(path, { signal, headers }).asResponse(),
  );
  try {
    yield* readLines(body, { signal, clock: connection.clock });
  } catch (thrown) {
    throw toBatchError(thrown, connection, { about });
  }
}

/** A line of results. */
export const lineSchema = z.object({
  custom_id: z.string(),
  result: z.object({
    type: z.string(),
    message: z.unknown().optional(),
    error: z
      .looseObject({ error: z.looseObject({ type: z.string().nullish() }).nullish() })
      .nullish(),
  }),
});

/**
 * The status that a direct call would have had, by the kind of its error.
 * @see https://platform.claude.com/docs/en/api/errors (2026-11)
 */
const statusOfKind: Readonly<Record<string, number>> = {
  invalid_request_error: 400,
  authentication_error: 401,
  billing_error: 402,
  permission_error: 403,
  not_found_error: 404,
  request_too_large: 413,
  rate_limit_error: 429,
  api_error: 500,
  timeout_error: 504,
  overloaded_error: 529,
};

function resultForm(connection: Connection): ResultForm<z.output<typeof lineSchema>> {
  return {
    connection,
    schema: lineSchema,
    wireIdOf: ({ custom_id }) => custom_id,
    read({ result: { type, message, error } }, request) {
      if (type === 'succeeded') return fromMessage(message, request);
      if (type === 'expired') throw unansweredError('batch_expired', connection);
      if (type === 'canceled') throw unansweredError('batch_cancelled', connection);
      const status = statusOfKind[error?.error?.type ?? ''];
      throw { ...(status !== undefined && { status }), error };
    },
  };
}

const messageSchema = z.looseObject({
  stop_reason: z.string().nullish(),
  usage: z.looseObject({}),
  content: z.array(z.unknown()),
});

/** Reads a whole message as the direct adapter reads a streamed one, by the same code: as if every block came at once. */
function fromMessage(raw: unknown, request: ModelRequest): ModelReply {
  const message = parseReply(messageSchema, raw);
  const collector = collectMessage(request, undefined);
  collector.take({ type: 'message_start', message });
  for (const [index, content_block] of message.content.entries()) {
    collector.take({ type: 'content_block_start', index, content_block });
    collector.take({ type: 'content_block_stop', index });
  }
  const { stop_reason, usage } = message;
  collector.take({ type: 'message_delta', delta: { stop_reason }, usage });
  collector.take({ type: 'message_stop' });
  return collector.finish();
}
