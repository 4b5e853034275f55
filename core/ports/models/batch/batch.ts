import type { EngineError } from '../../../base/errors.ts';
import type { ModelReply, ModelRequest } from '../model.ts';

/** How long after a submission was given up its request may still arrive at the provider, milliseconds. */
export const arrivalMs = 120_000;

/** One request of a batch; `id` is 1 to 36 letters, digits, `-` and `_`, and the only one of its kind in the batch. */
export interface BatchItem {
  readonly id: string;
  readonly request: ModelRequest;
}

/**
 * What became of one request. An error is what the same request would have thrown as a direct call; one that the batch never got
 * to is MODEL_UNAVAILABLE with `details.kind` `batch_expired` or `batch_cancelled`, and costs nothing.
 */
export type BatchResult =
  | { readonly id: string; readonly reply: ModelReply }
  | { readonly id: string; readonly error: EngineError };

/** Requests of a batch; `unanswered` are at work while the batch is, and expired or cancelled after. */
export interface BatchCounts {
  readonly total: number;
  readonly succeeded: number;
  readonly failed: number;
  readonly unanswered: number;
}

/**
 * Where a batch stands: working → ended | failed | expired | cancelled.
 *
 * `failed` means that no request was ever processed, and `error` says why; the other three ends have results for every request that
 * was answered in time.
 */
export type BatchState =
  | {
      readonly state: 'working' | 'ended' | 'expired' | 'cancelled';
      readonly counts: BatchCounts;
    }
  | { readonly state: 'failed'; readonly counts: BatchCounts; readonly error: EngineError };

/** What a provider takes in one batch, and for how long it keeps what comes of it. */
export interface BatchLimits {
  readonly items: number;
  /** Bytes of the request or file that is uploaded. */
  readonly bytes: number;
  /** Whether all requests of a batch must name the same model. */
  readonly isOneModel: boolean;
  /** Milliseconds from the submission after which what is unanswered expires. */
  readonly windowMs: number;
  /** Milliseconds from the submission for which results can be read. */
  readonly retentionMs: number;
}

/** Options of every call to the provider. */
export interface BatchCall {
  readonly signal: AbortSignal;
}

/**
 * A provider's batches: many requests at once at half the price, answered within a day. Implementations hold nothing between calls, so
 * that a batch can be followed by another process than the one that submitted it; they retry nothing and throw what Model throws.
 */
export interface BatchModel {
  /** OpenTelemetry's `gen_ai.provider.name`. */
  readonly provider: string;
  readonly limits: BatchLimits;
  /** Groups requests, in their order, so that each group can be submitted as one batch of at most 32 MiB. Pure. */
  split(items: readonly BatchItem[]): readonly (readonly BatchItem[])[];
  /**
   * Submits a batch. `mark` is by what `find` knows it again: 1 to 27 letters, digits and `-`, never used twice.
   * @throws INPUT_INVALID for marks, ids or sizes out of bounds, before anything is sent; what else it throws says in
   * `details.mayExist` whether the provider may have the batch all the same: then look for it before submitting again
   */
  submit(
    items: readonly BatchItem[],
    options: BatchCall & { readonly mark: string },
  ): Promise<{ readonly id: string }>;
  /**
   * Looks for the batch that an interrupted submission may have left, begun at `sinceMs` (ms since the epoch, by our clock).
   * `unknown` means that it may exist: ask again later. It becomes `absent` at the earliest `arrivalMs` after
   * `sinceMs`, since a request on its way may still arrive. `not` names batches that are known to be others, to spare the look at them.
   */
  find(
    mark: string,
    sinceMs: number,
    options: BatchCall & { readonly not?: ReadonlySet<string> },
  ): Promise<{ readonly id: string } | 'absent' | 'unknown'>;
  /** @throws MODEL_UNKNOWN when the provider has no such batch, or has it no more */
  state(id: string, options: BatchCall): Promise<BatchState>;
  /**
   * What became of each request, in any order, each id once; read as a stream, one line in memory. `requestOf` gives the request that an
   * id stands for; results whose request it does not know are passed over. A request without result was not answered.
   * @throws MODEL_UNAVAILABLE when the stream breaks (read again: the results are the same), MODEL_REPLY_INVALID after all
   * results that can be read when some could not, MODEL_UNKNOWN when they are no longer kept
   */
  results(
    id: string,
    options: BatchCall & {
      readonly requestOf: (
        id: string,
      ) => ModelRequest | undefined | Promise<ModelRequest | undefined>;
    },
  ): AsyncIterable<BatchResult>;
  /**
   * Asks the provider to stop; no error when the batch has ended already. Its end is told by `state`, and requests that
   * were answered before are charged and have results.
   */
  cancel(id: string, options: BatchCall): Promise<void>;
}
