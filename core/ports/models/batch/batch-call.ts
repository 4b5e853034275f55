import { EngineError } from '../../../base/errors.ts';
import { CallWatch, toCancellation } from '../call-watch.ts';
import type { Connection } from '../connection.ts';
import { toModelError } from '../fault.ts';
import type { ModelRequest } from '../model.ts';
import { invalidReply } from '../reply-parts.ts';
import { runWatched } from '../watched-fetch.ts';
import type { BatchCall } from './batch.ts';

// What a provider says of a refused batch may quote any of its requests; above this the search for quotes takes too long.
const maxSearchedBytes = 2 * 1024 * 1024;

/** Milliseconds until the answer's head and in all. */
export interface BatchDeadlines {
  readonly firstByteMs: number;
  readonly totalMs: number;
}

/** For calls that ask; an upload waits for its answer until all is sent. */
const asking: BatchDeadlines = { firstByteMs: 60_000, totalMs: 120_000 };
export const uploading: BatchDeadlines = { firstByteMs: 600_000, totalMs: 600_000 };

/** Makes one call about a batch. `about` is what errors name: a model's id, or `batch ID`. */
export async function callBatch<T>(
  connection: Connection,
  options: BatchCall & {
    readonly about: string;
    readonly deadlines?: BatchDeadlines;
    /** @default toBatchError */
    readonly toError?: (thrown: unknown) => EngineError;
  },
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const { signal, about, deadlines = asking } = options;
  const toError = options.toError ?? ((thrown) => toBatchError(thrown, connection, { about }));
  using watch = new CallWatch({ ...deadlines, signal }, connection.clock);
  try {
    return await runWatched(watch, async () => {
      watch.signal.throwIfAborted();
      return await work(watch.signal);
    });
  } catch (thrown) {
    // The head of a refusal has told all that matters, whatever its body did then.
    const { failure, head, isCancelled } = watch;
    const isTold =
      failure !== undefined && !isCancelled && head !== undefined && head.status >= 400;
    throw toError(isTold ? head : (failure ?? thrown));
  }
}

/** Opens a body that is read as a stream: the deadline is for its head only. */
export async function openBody(
  connection: Connection,
  options: BatchCall & { readonly about: string },
  open: (signal: AbortSignal) => Promise<Response>,
): Promise<ReadableStream<Uint8Array>> {
  const { signal, about } = options;
  const late = new AbortController();
  const release = connection.clock.after(asking.firstByteMs, () => late.abort());
  try {
    const response = await open(AbortSignal.any([signal, late.signal]));
    if (!response.body) throw invalidReply('it has no body');
    return response.body;
  } catch (thrown) {
    if (signal.aborted) throw toCancellation(signal.reason);
    throw toBatchError(thrown, connection, { about });
  } finally {
    release();
  }
}

/** What a call about a batch threw, as ours. */
export function toBatchError(
  thrown: unknown,
  connection: Connection,
  told: { readonly about: string; readonly requests?: readonly ModelRequest[] },
): EngineError {
  const { about, requests = [] } = told;
  const error = toModelError(thrown, connection, asRequest(about, requests));
  if (error.details?.status !== 404 && error.details?.status !== 410) return error;
  const at = `${connection.provider} at ${connection.origin}`;
  return new EngineError(
    'MODEL_UNKNOWN',
    about.startsWith('batch ')
      ? `${at} does not have the ${about}, or no longer; call directly.`
      : `${at} takes no batches for ${about}; correct the profile's model or base URL, or switch its batches off.`,
    { details: error.details },
  );
}

/**
 * Says of a failed submission whether the provider may have the batch: not when it answered and refused. Its words are blanked where
 * they repeat the requests, and left out where there are too many of these to look.
 */
export function toSubmitError(
  thrown: unknown,
  connection: Connection,
  submitted: {
    readonly model: string;
    readonly requests: readonly ModelRequest[];
    readonly bytes: number;
  },
): EngineError {
  const { model: about, requests, bytes } = submitted;
  const isSearched = bytes <= maxSearchedBytes;
  const error = toBatchError(isSearched ? thrown : withoutWords(thrown), connection, {
    about,
    requests: isSearched ? requests : [],
  });
  const { status } = error.details ?? {};
  const isRefused = typeof status === 'number' && status >= 400 && status < 500 && status !== 408;
  return markExistence(error, !isRefused);
}

/** The same error, saying whether the batch may exist. */
export function markExistence(error: EngineError, mayExist: boolean): EngineError {
  return new EngineError(error.code, error.message, { details: { ...error.details, mayExist } });
}

function asRequest(model: string, requests: readonly ModelRequest[]): ModelRequest {
  return {
    model,
    instructions: '',
    messages: requests.flatMap(({ messages }) => messages),
    tools: [],
    output: { name: '', schema: {} },
    maxOutputTokens: 0,
  };
}

function withoutWords(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !('status' in thrown)) return thrown;
  const { status, headers } = thrown as { status: unknown; headers?: unknown };
  return { status, headers, error: { message: 'its reason is left out, since it may quote' } };
}
