import { z } from 'zod';
import { EngineError } from '../../../base/errors.ts';
import type { Connection } from '../connection.ts';
import { openaiClient } from '../openai-client.ts';
import { parseReply } from '../reply-parts.ts';
import type { BatchCounts, BatchModel, BatchState } from './batch.ts';
import { callBatch, openBody, toBatchError } from './batch-call.ts';
import { readLines } from './batch-lines.ts';
import type { OpenAiDialect } from './batch-openai-dialect.ts';
import { type ResultForm, readResults, unansweredError } from './batch-results.ts';

/** A batch as OpenAI shows it. */
export const batchSchema = z.object({
  id: z.string(),
  status: z.string(),
  created_at: z.number(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
  output_file_id: z.string().nullish(),
  error_file_id: z.string().nullish(),
  request_counts: z
    .object({ total: z.int().min(0), completed: z.int().min(0), failed: z.int().min(0) })
    .nullish(),
  errors: z.object({ data: z.array(z.object({ code: z.string().nullish() })).nullish() }).nullish(),
});
type Batch = z.output<typeof batchSchema>;

/** Which batch, and how to give the question up. */
export interface About {
  readonly id: string;
  readonly signal: AbortSignal;
}

/** The batch as it stands. */
export async function retrieve(connection: Connection, { id, signal }: About): Promise<Batch> {
  const client = await openaiClient(connection);
  return await callBatch(connection, { signal, about: `batch ${id}` }, async (signal) =>
    parseReply(batchSchema, await client.batches.retrieve(id, { signal })),
  );
}

/** Where a batch stands, as the port has it. */
export function toState(batch: Batch, connection: Connection): BatchState {
  const { total = 0, completed = 0, failed = 0 } = batch.request_counts ?? {};
  const unanswered = Math.max(0, total - completed - failed);
  const counts: BatchCounts = { total, succeeded: completed, failed, unanswered };
  switch (batch.status) {
    case 'completed':
      return { state: 'ended', counts };
    case 'expired':
    case 'cancelled':
      return { state: batch.status, counts };
    case 'failed':
      return { state: 'failed', counts, error: toRefusal(batch, connection) };
    default:
      return { state: 'working', counts };
  }
}

// Texts of these errors may quote requests; the codes say enough.
function toRefusal(batch: Batch, { provider, origin }: Connection): EngineError {
  const codes = [...new Set(batch.errors?.data?.map(({ code }) => code ?? 'unknown'))];
  const isFull = codes.includes('token_limit_exceeded');
  const why = codes.join(', ').slice(0, 200) || 'no reason';
  return new EngineError(
    isFull ? 'MODEL_RATE_LIMITED' : 'MODEL_REFUSED',
    `${provider} at ${origin} refused batch ${batch.id} (${why}); ${
      isFull ? 'submit it when other batches have ended' : 'call directly'
    }.`,
    { details: { kind: codes[0] ?? 'unknown' } },
  );
}

/** The results of a batch from its two files, replies before errors. @throws MODEL_UNAVAILABLE while it is at work */
export async function* results(
  id: string,
  how: Parameters<BatchModel['results']>[1] & {
    readonly connection: Connection;
    readonly dialect: OpenAiDialect;
  },
) {
  const { connection, signal } = how;
  const batch = await retrieve(connection, { id, signal });
  if (toState(batch, connection).state === 'working') {
    throw new EngineError(
      'MODEL_UNAVAILABLE',
      `Batch ${id} is at work (${batch.status}); read its results when it has ended.`,
    );
  }
  const files = [batch.output_file_id, batch.error_file_id].filter((file) => file != null);
  yield* readResults(readFiles(files, { connection, signal, id }), resultForm(how), how.requestOf);
}

async function* readFiles(
  files: readonly string[],
  { connection, signal, id }: About & { readonly connection: Connection },
): AsyncGenerator<string | undefined, void, undefined> {
  const about = `batch ${id}`;
  const client = await openaiClient(connection);
  for (const file of files) {
    const body = await openBody(connection, { signal, about }, (signal) =>
      client.files.content(file, { signal }),
    );
    try {
      yield* readLines(body, { signal, clock: connection.clock });
    } catch (thrown) {
      throw toBatchError(thrown, connection, { about });
    }
  }
}

const lineSchema = z.object({
  custom_id: z.string(),
  response: z.object({ status_code: z.int(), body: z.unknown() }).nullish(),
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});

function resultForm({
  connection,
  dialect,
}: {
  readonly connection: Connection;
  readonly dialect: OpenAiDialect;
}): ResultForm<z.output<typeof lineSchema>> {
  return {
    connection,
    schema: lineSchema,
    wireIdOf: ({ custom_id }) => custom_id,
    read({ response, error }, request) {
      const code = error?.code;
      if (code === 'batch_expired' || code === 'batch_cancelled') {
        throw unansweredError(code, connection);
      }
      if (error || !response) throw { error: error ?? {} };
      const { status_code: status, body } = response;
      if (status >= 400) throw { status, error: body };
      return dialect.fromBody(body, request);
    },
  };
}
