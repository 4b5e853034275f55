import type OpenAI from 'openai';
import { z } from 'zod';
import { isEngineError } from '../../../base/errors.ts';
import type { Connection } from '../connection.ts';
import { openaiClient } from '../openai-client.ts';
import { parseReply } from '../reply-parts.ts';
import { arrivalMs, type BatchItem, type BatchLimits, type BatchModel } from './batch.ts';
import { callBatch, markExistence, toSubmitError, uploading } from './batch-call.ts';
import { checkItems, type EncodedItem, splitItems, toWireId } from './batch-items.ts';
import { dialectOf, type OpenAiDialect } from './batch-openai-dialect.ts';
import { type About, batchSchema, results, retrieve, toState } from './batch-openai-results.ts';

/**
 * What OpenAI takes in a batch and how long it keeps the files of one. Tokens that wait in batches are limited, too, by account
 * and model: a batch over that limit fails with MODEL_RATE_LIMITED.
 * @see https://developers.openai.com/api/docs/guides/batch (2026-11)
 * @see https://developers.openai.com/api/reference/resources/batches/methods/create (2026-11)
 */
const openaiBatchLimits: BatchLimits = {
  items: 50_000,
  bytes: 200_000_000,
  isOneModel: true,
  windowMs: 86_400_000,
  retentionMs: 30 * 86_400_000,
};

// What batches of ours are known by; nobody else's metadata has this key.
const markKey = 'tutti_mark';
const pageItems = 100;
const maxPages = 50;
// The provider's clock may differ from ours.
const skewMs = 300_000;

/**
 * OpenAI's Batch API, for Responses (`openai`) and Chat Completions (`openai-chat`): a JSONL file of requests is uploaded, a batch made
 * of it, and its answers come in a file of replies and one of errors. Input files are deleted by OpenAI after 30 days.
 * @see https://developers.openai.com/api/docs/guides/batch (2026-11)
 */
export function openaiBatch(connection: Connection, api: 'openai' | 'openai-chat'): BatchModel {
  const dialect = dialectOf(api, connection);
  return {
    provider: connection.provider,
    limits: openaiBatchLimits,
    split: (items) =>
      splitItems(
        items,
        openaiBatchLimits,
        (item) => encode(item, { mark: '-'.repeat(27), dialect }).bytes,
      ),
    submit: (items, options) => submit(items, { ...options, connection, dialect }),
    find: (mark, sinceMs, { signal }) => find(connection, { mark, sinceMs, signal }),
    state: async (id, { signal }) =>
      toState(await retrieve(connection, { id, signal }), connection),
    results: (id, options) => results(id, { ...options, connection, dialect }),
    cancel: (id, { signal }) => cancel(connection, { id, signal }),
  };
}

function encode(
  { id, request }: BatchItem,
  { mark, dialect }: { readonly mark: string; readonly dialect: OpenAiDialect },
): EncodedItem {
  const json = JSON.stringify({
    custom_id: toWireId(mark, id),
    method: 'POST',
    url: dialect.endpoint,
    body: dialect.toBody(request),
  });
  return { model: request.model, json, bytes: Buffer.byteLength(json) };
}

async function submit(
  items: readonly BatchItem[],
  how: {
    readonly mark: string;
    readonly signal: AbortSignal;
    readonly connection: Connection;
    readonly dialect: OpenAiDialect;
  },
): Promise<{ readonly id: string }> {
  const { mark, signal, connection, dialect } = how;
  const encoded = items.map((item) => encode(item, how));
  checkItems(items, encoded, openaiBatchLimits);
  const about = items[0]?.request.model ?? '';
  const toError = (thrown: unknown) =>
    toSubmitError(thrown, connection, {
      model: about,
      requests: items.map(({ request }) => request),
      bytes: encoded.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  const client = await openaiClient(connection);
  const lines = encoded.map(({ json }) => `${json}\n`);
  const file = await callBatch(
    connection,
    // Without a batch made of it, a file is nothing that is ever processed.
    {
      signal,
      about,
      deadlines: uploading,
      toError: (thrown) => markExistence(toError(thrown), false),
    },
    (signal) => upload(client, { lines, name: `${mark}.jsonl`, signal }),
  );
  try {
    return await callBatch(connection, { signal, about, toError }, (signal) =>
      create(client, { file, mark, endpoint: dialect.endpoint, signal }),
    );
  } catch (thrown) {
    // Nobody will use the file of a batch that was refused; if it stays all the same, OpenAI deletes it some day.
    const isRefused = isEngineError(thrown) && thrown.details?.mayExist === false;
    if (isRefused) await client.files.delete(file, { signal }).catch(() => undefined);
    throw thrown;
  }
}

async function create(
  client: OpenAI,
  how: {
    readonly file: string;
    readonly mark: string;
    readonly endpoint: OpenAiDialect['endpoint'];
    readonly signal: AbortSignal;
  },
): Promise<{ readonly id: string }> {
  const { file, mark, endpoint, signal } = how;
  const batch = await client.batches.create(
    {
      input_file_id: file,
      endpoint,
      completion_window: '24h',
      metadata: { [markKey]: mark },
    },
    { signal },
  );
  return { id: parseReply(batchSchema, batch).id };
}

async function upload(
  client: OpenAI,
  { lines, name, signal }: { lines: readonly string[]; name: string; signal: AbortSignal },
): Promise<string> {
  const file = new File([...lines], name, { type: 'application/jsonl' });
  const made = await client.files.create({ file, purpose: 'batch' }, { signal });
  return parseReply(z.object({ id: z.string() }), made).id;
}

async function find(
  connection: Connection,
  { mark, sinceMs, signal }: { mark: string; sinceMs: number; signal: AbortSignal },
): Promise<{ readonly id: string } | 'absent' | 'unknown'> {
  const client = await openaiClient(connection);
  let after: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const batches = await callBatch(
      connection,
      { signal, about: `batch marked ${mark}` },
      async (signal) => {
        const query = { limit: pageItems, ...(after !== undefined && { after }) };
        const listed = await client.batches.list(query, { signal });
        return parseReply(z.array(batchSchema), listed.data);
      },
    );
    const found = batches.find(({ metadata }) => metadata?.[markKey] === mark);
    if (found) return { id: found.id };
    // The newest come first in practice, though no page says so: only a page of old ones alone ends the search.
    const isOld = batches.every((batch) => batch.created_at * 1000 < sinceMs - skewMs);
    if (isOld || batches.length < pageItems) {
      return connection.clock.now() - sinceMs < arrivalMs ? 'unknown' : 'absent';
    }
    after = batches.at(-1)?.id;
  }
  return 'unknown';
}

async function cancel(connection: Connection, about: About): Promise<void> {
  const client = await openaiClient(connection);
  try {
    await callBatch(
      connection,
      { signal: about.signal, about: `batch ${about.id}` },
      async (signal) => await client.batches.cancel(about.id, { signal }),
    );
  } catch (thrown) {
    // A batch that has ended cannot be cancelled, which is as good.
    const batch = await retrieve(connection, about);
    if (toState(batch, connection).state === 'working' && batch.status !== 'cancelling') {
      throw thrown;
    }
  }
}
