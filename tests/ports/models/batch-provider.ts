import assert from 'node:assert/strict';
import { systemClock } from '../../../core/base/clock.ts';
import type { EngineError } from '../../../core/base/errors.ts';
import type { BatchItem, BatchModel, BatchResult } from '../../../core/ports/models/batch/batch.ts';
import { openBatch } from '../../../core/ports/models/batch/batch-open.ts';
import type { ModelReply } from '../../../core/ports/models/model.ts';
import {
  type BatchHandler,
  type BatchServer,
  startBatchServer,
} from '../../support/batch-server.ts';
import { aRequest, key, type providers } from './adapter.ts';

type Provider = (typeof providers)[number];

/** What the server says to each request unless a test says otherwise: back what the request said. */
const echoed: BatchHandler = ({ messages }) => {
  const [first] = messages;
  return { text: first?.kind === 'text' ? `re: ${first.text}` : '' };
};

/** Requests `a`, `b`, … of a batch, each with its id as its text. */
export const items = (...ids: string[]): BatchItem[] =>
  ids.map((id) => ({
    id,
    request: aRequest({ messages: [{ role: 'user', parts: [{ kind: 'text', text: id }] }] }),
  }));

/** A signal that no test outlives. */
export const soon = () => AbortSignal.timeout(60_000);

export interface Batches {
  readonly open: (handler?: BatchHandler) => Promise<BatchModel>;
  readonly server: () => BatchServer;
  /** Reads the results of requests that `from` knows, by their id in their order. */
  readonly read: (
    model: BatchModel,
    id: string,
    from: readonly BatchItem[],
  ) => Promise<BatchResult[]>;
  /** The machine's time as the adapter sees it; what a test sets is taken back after it. */
  readonly skew: { ms: number };
}

/** Sets a provider's batches up for the tests of the `describe` that calls this. */
export function useBatches(provider: Provider): Batches {
  let running: BatchServer | undefined;
  const skew = { ms: 0 };
  const clock = { ...systemClock, now: () => Date.now() + skew.ms };

  afterEach(async () => {
    skew.ms = 0;
    await running?.close();
    running = undefined;
  });

  const server = () => running ?? assert.fail('no server was started');
  const open: Batches['open'] = async (handler = echoed) => {
    running = await startBatchServer(handler);
    const target = { provider, model: 'test-model', baseUrl: running.baseUrl(provider) };
    const model = openBatch(
      { ...target, apiKeyEnv: 'TEST_KEY', batches: true },
      { TEST_KEY: key },
      clock,
    );
    return model ?? assert.fail(`${provider} has no batches`);
  };
  const read: Batches['read'] = async (model, id, from) => {
    const requestOf = (each: string) => from.find((item) => item.id === each)?.request;
    const results: BatchResult[] = [];
    for await (const each of model.results(id, { signal: soon(), requestOf })) results.push(each);
    return results;
  };
  return { open, server, read, skew };
}

/** The reply to a request; a request without one is the failure of the test. */
export function replyTo(results: readonly BatchResult[], id: string): ModelReply {
  const result = results.find((each) => each.id === id);
  assert.ok(result && 'reply' in result, `${id}: ${JSON.stringify(result)}`);
  return result.reply;
}

/** What a request failed with. */
export function errorOf(results: readonly BatchResult[], id: string): EngineError {
  const result = results.find((each) => each.id === id);
  assert.ok(result && 'error' in result, `${id}: ${JSON.stringify(result)}`);
  return result.error;
}
