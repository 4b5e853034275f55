import { CallWatch, runWatched } from './call-watch.ts';
import type { Connection } from './connection.ts';
import { toModelError } from './fault.ts';
import type { Model, ModelReply, ModelRequest } from './model.ts';

/** Options of one call, as the port has them. */
export type CallOptions = Parameters<Model['call']>[1];

/** Gathers the events of one reply. */
export interface Collector {
  /** Takes the next event, as parsed JSON of any shape. @throws MODEL_REPLY_INVALID */
  take(event: unknown): void;
  /** Whether the final event has come. */
  readonly isComplete: boolean;
  /** The whole reply. @throws MODEL_REPLY_INVALID when the final event is missing or anything in it is wrong */
  finish(): ModelReply;
}

/**
 * Makes one streaming call and gathers its reply. What a connection does after the final event cannot spoil the
 * reply; whatever happens before it does.
 */
export async function streamReply(call: {
  readonly connection: Connection;
  readonly request: ModelRequest;
  readonly options: CallOptions;
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<unknown>>;
  readonly collector: Collector;
}): Promise<ModelReply> {
  const { connection, request, collector } = call;
  using watch = new CallWatch(call.options, connection.clock);
  try {
    await runWatched(watch, async () => {
      watch.signal.throwIfAborted();
      for await (const event of await call.open(watch.signal)) {
        if (collector.isComplete) continue;
        collector.take(event);
        if (collector.isComplete) watch.close();
      }
    });
  } catch (thrown) {
    if (!collector.isComplete) throw watch.failure ?? toModelError(thrown, connection, request);
  }
  // The SDKs end an aborted stream without an error.
  if (watch.failure && !collector.isComplete) throw watch.failure;
  return collector.finish();
}
