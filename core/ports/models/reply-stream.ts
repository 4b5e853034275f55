import { EngineError } from '../../base/errors.ts';
import { CallWatch } from './call-watch.ts';
import type { Connection } from './connection.ts';
import { toModelError } from './fault.ts';
import type { Model, ModelReply, ModelRequest } from './model.ts';
import { runWatched } from './watched-fetch.ts';

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

interface StreamedCall {
  readonly connection: Connection;
  readonly request: ModelRequest;
  readonly options: CallOptions;
  readonly open: (signal: AbortSignal) => Promise<AsyncIterable<unknown>>;
  readonly collector: Collector;
}

/**
 * Makes one streaming call and gathers its reply. What a connection does after the final event cannot spoil the
 * reply; whatever happens before it does. Replies and errors carry what the headers said of the account's limits.
 */
export async function streamReply(call: StreamedCall): Promise<ModelReply> {
  const { connection, collector } = call;
  using watch = new CallWatch(call.options, connection.clock);
  try {
    await gather(call, watch);
    // The SDKs end an aborted stream without an error.
    if (watch.failure && !collector.isComplete) throw watch.failure;
    const { quota } = watch;
    return { ...collector.finish(), ...(quota && { quota }) };
  } catch (thrown) {
    throw toFailure(thrown, call, watch);
  }
}

async function gather({ open, collector, options }: StreamedCall, watch: CallWatch): Promise<void> {
  let tell = options.onFirstChunk;
  try {
    await runWatched(watch, async () => {
      watch.signal.throwIfAborted();
      for await (const event of await open(watch.signal)) {
        tell?.();
        tell = undefined;
        if (collector.isComplete) continue;
        collector.take(event);
        if (collector.isComplete) watch.close();
      }
    });
  } catch (thrown) {
    if (!collector.isComplete) throw thrown;
  }
}

/** Why a call failed: the caller's own reason as it is; else the watch's, unless an error's head had come; else what was thrown. */
function toFailure(thrown: unknown, call: StreamedCall, watch: CallWatch): EngineError {
  const { failure, head, quota } = watch;
  if (failure && watch.isCancelled) return failure;
  const isTold = failure?.code === 'MODEL_UNAVAILABLE' && head !== undefined && head.status >= 400;
  const error = toModelError(isTold ? head : (failure ?? thrown), call.connection, call.request);
  if (quota === undefined) return error;
  return new EngineError(error.code, error.message, { details: { ...error.details, quota } });
}
