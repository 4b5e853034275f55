import { wholeBody } from './batch-bodies.ts';
import type { ServerReply } from './model-stream.ts';
import type { ModelApi, ModelCallSeen } from './model-wire.ts';

type Json = Record<string, unknown>;

/** What becomes of one request of a batch. */
export type BatchAnswer =
  | ServerReply
  /** The request fails as a direct call would. */
  | {
      readonly failure: {
        readonly status: number;
        readonly type: string;
        readonly message: string;
      };
    }
  /** The batch ends before it comes to the request. */
  | { readonly isUnanswered: true }
  /** The results have no line for it. */
  | { readonly isLost: true }
  /** The body of the reply is this, whatever it means. */
  | { readonly body: unknown };

/** Answers a request of a batch; `id` is its id on the wire. */
export type BatchHandler = (call: ModelCallSeen, id: string) => BatchAnswer;

/** How a batch ends. */
export interface BatchEnd {
  /** `failed` is OpenAI's: the file is refused. @default ended */
  readonly state?: 'ended' | 'expired' | 'cancelled' | 'failed';
  /** Codes of a failed batch. @default invalid_json_line */
  readonly code?: string;
  /** The requests that were answered in time, by their number; the rest is unanswered. @default all */
  readonly answered?: number;
  /** Lines in another order than the requests came in. */
  readonly isReversed?: boolean;
  /** Every line stands twice. */
  readonly isDoubled?: boolean;
  /** Lines as they are, before all others. */
  readonly lines?: readonly string[];
  /** The last line has no end, as if its file had been cut off. */
  readonly isTorn?: boolean;
}

/** A batch as the server keeps it. */
export interface ServedBatch {
  readonly id: string;
  readonly api: ModelApi;
  readonly items: readonly { readonly id: string; readonly call: ModelCallSeen }[];
  readonly metadata: Json | null;
  readonly inputFile: string | undefined;
  readonly createdAtMs: number;
  state: 'working' | 'cancelling' | NonNullable<BatchEnd['state']>;
  code: string;
  answers: readonly BatchAnswer[];
  /** JSONL of replies and, for OpenAI, of errors; undefined while there is none. */
  output: string | undefined;
  errors: string | undefined;
}

/** Ends a batch: its requests are answered now, and its results are written. */
export function endBatch(batch: ServedBatch, handler: BatchHandler, how: BatchEnd): void {
  const { state = 'ended', code = 'invalid_json_line', answered = batch.items.length } = how;
  batch.state = state;
  batch.code = code;
  if (state === 'failed') return;
  batch.answers = batch.items.map(({ id, call }, index) =>
    index < answered ? handler(call, id) : { isUnanswered: true },
  );
  const write = batch.api === 'anthropic' ? anthropicLine : openaiLine;
  const written = batch.items.flatMap(({ id, call }, index) => {
    const answer = batch.answers[index];
    if (answer === undefined || 'isLost' in answer) return [];
    const isError = 'failure' in answer || 'isUnanswered' in answer;
    return [{ isError, line: JSON.stringify(write(id, { answer, call, state })) }];
  });
  const isApart = batch.api !== 'anthropic';
  batch.output = toFile(
    written.filter(({ isError }) => !isApart || !isError),
    how,
  );
  batch.errors = isApart
    ? toFile(
        written.filter(({ isError }) => isError),
        {},
      )
    : undefined;
}

function toFile(written: readonly { readonly line: string }[], how: BatchEnd): string | undefined {
  const plain = written.map(({ line }) => line);
  const ordered = how.isReversed ? plain.reverse() : plain;
  const doubled = how.isDoubled ? ordered.flatMap((line) => [line, line]) : ordered;
  const lines = [...(how.lines ?? []), ...doubled];
  if (lines.length === 0) return undefined;
  const text = lines.map((line) => `${line}\n`).join('');
  return how.isTorn ? text.slice(0, -20) : text;
}

interface Written {
  readonly answer: BatchAnswer;
  readonly call: ModelCallSeen;
  readonly state: NonNullable<BatchEnd['state']>;
}

function openaiLine(custom_id: string, { answer, call, state }: Written): Json {
  const line = { id: `batch_req_${custom_id}`, custom_id };
  if ('isUnanswered' in answer) {
    const code = state === 'cancelled' ? 'batch_cancelled' : 'batch_expired';
    const message = 'This request could not be executed before the batch ended.';
    return { ...line, response: null, error: { code, message } };
  }
  if ('failure' in answer) {
    const { status, type, message } = answer.failure;
    const body = { error: { message, type, param: null, code: type } };
    const response = { status_code: status, request_id: 'req_1', body };
    return { ...line, response, error: null };
  }
  const response = { status_code: 200, request_id: 'req_1', body: toBody(answer, call) };
  return { ...line, response, error: null };
}

function anthropicLine(custom_id: string, { answer, call, state }: Written): Json {
  if ('isUnanswered' in answer) {
    return { custom_id, result: { type: state === 'cancelled' ? 'canceled' : 'expired' } };
  }
  if ('failure' in answer) {
    const { type, message } = answer.failure;
    const error = { type: 'error', error: { type, message }, request_id: 'req_1' };
    return { custom_id, result: { type: 'errored', error } };
  }
  return { custom_id, result: { type: 'succeeded', message: toBody(answer, call) } };
}

function toBody(answer: BatchAnswer, call: ModelCallSeen): unknown {
  return 'body' in answer ? answer.body : wholeBody(call, answer as ServerReply);
}

/** The batch as its provider's API shows it. */
export function showBatch(batch: ServedBatch): Json {
  const { answers, items, state } = batch;
  const failed = answers.filter((answer) => 'failure' in answer).length;
  const unanswered = answers.filter((answer) => 'isUnanswered' in answer).length;
  const succeeded = answers.length - failed - unanswered;
  const isWorking = state === 'working' || state === 'cancelling';
  return batch.api === 'anthropic'
    ? {
        id: batch.id,
        type: 'message_batch',
        processing_status: isWorking
          ? state === 'working'
            ? 'in_progress'
            : 'canceling'
          : 'ended',
        created_at: new Date(batch.createdAtMs).toISOString(),
        request_counts: {
          processing: isWorking ? items.length : 0,
          succeeded,
          errored: failed,
          canceled: state === 'cancelled' ? unanswered : 0,
          expired: state === 'cancelled' ? 0 : unanswered,
        },
        // No host has this address: who follows it instead of the path is found out.
        results_url: isWorking ? null : 'http://results.invalid/results.jsonl',
      }
    : {
        id: batch.id,
        object: 'batch',
        status: { working: 'in_progress', ended: 'completed' }[state as string] ?? state,
        created_at: Math.floor(batch.createdAtMs / 1000),
        metadata: batch.metadata,
        input_file_id: batch.inputFile,
        ...(batch.output !== undefined && { output_file_id: `file-${batch.id}-output` }),
        ...(batch.errors !== undefined && { error_file_id: `file-${batch.id}-errors` }),
        request_counts: { total: items.length, completed: succeeded, failed },
        errors:
          state === 'failed'
            ? { object: 'list', data: [{ code: batch.code, line: 1, message: 'Line 1 is wrong.' }] }
            : null,
      };
}
