import type Anthropic from '@anthropic-ai/sdk';
import { z } from 'zod';
import { anthropicClient } from '../anthropic.ts';
import { toMessagesRequest } from '../anthropic-request.ts';
import type { Connection } from '../connection.ts';
import { parseReply } from '../reply-parts.ts';
import { arrivalMs, type BatchItem, type BatchLimits, type BatchModel } from './batch.ts';
import {
  type About,
  type Batch,
  batchSchema,
  lineSchema,
  lines,
  results,
  retrieve,
  toState,
} from './batch-anthropic-results.ts';
import { callBatch, toSubmitError, uploading } from './batch-call.ts';
import { checkItems, type EncodedItem, readWireId, splitItems, toWireId } from './batch-items.ts';

/**
 * What Anthropic takes in a batch and how long it keeps results. Requests that wait in batches are limited, too, by account.
 * @see https://platform.claude.com/docs/en/build-with-claude/batch-processing (2026-11)
 */
const anthropicBatchLimits: BatchLimits = {
  items: 100_000,
  bytes: 256_000_000,
  isOneModel: false,
  windowMs: 86_400_000,
  retentionMs: 29 * 86_400_000,
};

const pageItems = 100;
const maxPages = 50;
// Looking into a batch reads the beginning of its results; an account with more strangers than this tells us nothing.
const maxLooks = 20;
// The provider's clock may differ from ours.
const skewMs = 300_000;

/**
 * Anthropic's Message Batches. They carry no metadata, so an interrupted submission is known again only by the ids of its requests,
 * which show when the batch has ended: until then `find` says `unknown` if the account has any batch of that time.
 * @see https://platform.claude.com/docs/en/build-with-claude/batch-processing (2026-11)
 */
export function anthropicBatch(connection: Connection): BatchModel {
  const about = (id: string, signal: AbortSignal): About => ({ connection, id, signal });
  return {
    provider: connection.provider,
    limits: anthropicBatchLimits,
    split: (items) =>
      splitItems(items, anthropicBatchLimits, (item) => encode(item, '-'.repeat(27)).bytes),
    submit: (items, { mark, signal }) => submit(items, { mark, signal, connection }),
    find: (mark, sinceMs, options) => find({ ...options, mark, sinceMs, connection }),
    state: async (id, { signal }) => toState(await retrieve(about(id, signal))),
    results: (id, { signal, requestOf }) => results(about(id, signal), requestOf),
    cancel: (id, { signal }) => cancel(about(id, signal)),
  };
}

interface Encoded extends EncodedItem {
  readonly request: Anthropic.Messages.BatchCreateParams.Request;
}

function encode({ id, request }: BatchItem, mark: string): Encoded {
  const { stream: _, ...params } = toMessagesRequest(request);
  const wire = { custom_id: toWireId(mark, id), params };
  const json = JSON.stringify(wire);
  return { model: request.model, json, bytes: Buffer.byteLength(json), request: wire };
}

async function submit(
  items: readonly BatchItem[],
  how: { readonly mark: string; readonly signal: AbortSignal; readonly connection: Connection },
): Promise<{ readonly id: string }> {
  const { mark, signal, connection } = how;
  const encoded = items.map((item) => encode(item, mark));
  checkItems(items, encoded, anthropicBatchLimits);
  const model = items[0]?.request.model ?? '';
  const toError = (thrown: unknown) =>
    toSubmitError(thrown, connection, {
      model,
      requests: items.map(({ request }) => request),
      bytes: encoded.reduce((sum, { bytes }) => sum + bytes, 0),
    });
  const client = await anthropicClient(connection);
  return await callBatch(
    connection,
    { signal, about: model, deadlines: uploading, toError },
    async (signal) => {
      const requests = encoded.map(({ request }) => request);
      const batch = await client.messages.batches.create({ requests }, { signal });
      return { id: parseReply(batchSchema, batch).id };
    },
  );
}

interface Search {
  readonly connection: Connection;
  readonly mark: string;
  readonly sinceMs: number;
  readonly signal: AbortSignal;
  readonly not?: ReadonlySet<string>;
}

async function find(search: Search): Promise<{ readonly id: string } | 'absent' | 'unknown'> {
  const { connection, mark, sinceMs, signal } = search;
  const candidates = await listSince(search);
  if (!candidates || candidates.length > maxLooks) return 'unknown';
  let isCertain = connection.clock.now() - sinceMs >= arrivalMs;
  for (const { id, processing_status } of candidates) {
    const seen =
      processing_status === 'ended' ? await readMark({ connection, id, signal }) : undefined;
    if (seen === mark) return { id };
    if (seen === undefined) isCertain = false;
  }
  return isCertain ? 'absent' : 'unknown';
}

// The newest come first, as the reference has it.
async function listSince(search: Search): Promise<Batch[] | undefined> {
  const { connection, mark, sinceMs, signal, not } = search;
  const client = await anthropicClient(connection);
  const found: Batch[] = [];
  let after_id: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const batches = await callBatch(
      connection,
      { signal, about: `batch marked ${mark}` },
      async (signal) => {
        const query = { limit: pageItems, ...(after_id !== undefined && { after_id }) };
        const listed = await client.messages.batches.list(query, { signal });
        return parseReply(z.array(batchSchema), listed.data);
      },
    );
    const young = batches.filter((batch) => !(Date.parse(batch.created_at) < sinceMs - skewMs));
    found.push(...young.filter(({ id }) => !not?.has(id)));
    if (young.length < batches.length || batches.length < pageItems) return found;
    after_id = batches.at(-1)?.id;
  }
  return undefined;
}

// The mark of an ended batch, `null` for one that is not ours; undefined when it cannot be told, since its results are gone.
async function readMark(about: About): Promise<string | null | undefined> {
  try {
    for await (const text of lines(about)) {
      const line = text === undefined ? undefined : lineSchema.safeParse(JSON.parse(text)).data;
      if (line) return readWireId(line.custom_id)?.mark ?? null;
      break;
    }
  } catch (thrown) {
    if (about.signal.aborted) throw thrown;
  }
  return undefined;
}

async function cancel(about: About): Promise<void> {
  const { connection, id, signal } = about;
  const client = await anthropicClient(connection);
  try {
    await callBatch(
      connection,
      { signal, about: `batch ${id}` },
      async (signal) => await client.messages.batches.cancel(id, {}, { signal }),
    );
  } catch (thrown) {
    // A batch that has ended cannot be cancelled, which is as good.
    const { processing_status } = await retrieve(about);
    if (processing_status === 'in_progress') throw thrown;
  }
}
