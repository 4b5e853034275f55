import { z } from 'zod';
import { newId } from '../../../base/ids.ts';
import type { Echo, ModelReply, ModelRequest, Part, Usage } from '../model.ts';
import { requestBytes, requestOverheadTokens } from '../prices.ts';
import {
  checkCount,
  invalidReply,
  parseReply,
  readArguments,
  refuseBrokenOff,
  settleParts,
  toUsage,
} from '../reply-parts.ts';
import { readNames } from '../tool-name.ts';

const record = z.record(z.string(), z.unknown());
const details = record.nullish();
const call = z.object({ id: z.string().nullish(), name: z.string().nullish(), args: z.unknown() });
const block = z.looseObject({ type: z.string().nullish(), text: z.string().nullish() });
// LangChain's AIMessage: https://docs.langchain.com/oss/javascript/langchain/messages (2026-11).
const messageSchema = z.object({
  id: z.string().nullish(),
  content: z.union([z.string(), z.array(z.union([z.string(), block]))]),
  tool_calls: z.array(call).nullish(),
  invalid_tool_calls: z.array(call).nullish(),
  tool_call_chunks: z.array(z.object({ args: z.unknown() })).nullish(),
  usage_metadata: z
    .object({
      input_tokens: z.unknown().optional(),
      output_tokens: z.unknown().optional(),
      input_token_details: details,
      output_token_details: details,
    })
    .nullish(),
  response_metadata: details,
  additional_kwargs: details,
});

type LangChainMessage = z.output<typeof messageSchema>;

interface Chunk {
  concat?(other: unknown): Chunk;
}

/** Gathers the chunks of one reply. What they add up to is LangChain's own `concat`: packages write usage and calls in their ways. */
export class LangChainReply {
  readonly #request: ModelRequest;
  readonly #echoProvider: string;
  #whole: Chunk | null = null;
  /** Not from the whole: there, texts of two chunks would be joined. */
  #metadata: Readonly<Record<string, unknown>> = {};

  constructor(request: ModelRequest, echoProvider: string) {
    this.#request = request;
    this.#echoProvider = echoProvider;
  }

  /** Returns the text that it adds, and about how many bytes it is. @throws MODEL_REPLY_INVALID */
  take(chunk: unknown): { readonly text: string; readonly sizeBytes: number } {
    const message = parseReply(messageSchema, chunk);
    const { tool_call_chunks, response_metadata } = message;
    this.#metadata = { ...this.#metadata, ...response_metadata };
    this.#whole = this.#whole?.concat?.(chunk) ?? (chunk as Chunk);
    const args = (tool_call_chunks ?? []).map((part) => String(part.args ?? '')).join('');
    const text = textOf(message);
    return { text, sizeBytes: Buffer.byteLength(text) + Buffer.byteLength(args) };
  }

  /** The whole reply. @throws MODEL_REPLY_INVALID */
  finish(): ModelReply {
    if (this.#whole === null) throw invalidReply('it is empty');
    const message = parseReply(messageSchema, this.#whole);
    const isRefused = typeof message.additional_kwargs?.refusal === 'string';
    const reasons = reasonsIn(this.#metadata);
    refuseBrokenOff(reasons, this.#request.model);
    const ended = isRefused ? 'refusal' : endOf(reasons);
    const { model_name: name, model, id } = this.#metadata;
    const answered = [name, model].find((each) => typeof each === 'string' && each !== '');
    return {
      ...settleParts(this.#parts(message, ended === 'end'), ended),
      usage: readUsage(message.usage_metadata) ?? fullUsage(this.#request),
      model: (answered as string | undefined) ?? this.#request.model,
      providerId: typeof id === 'string' ? id : (message.id ?? ''),
    };
  }

  #parts(message: LangChainMessage, isWhole: boolean): readonly Part[] {
    const { tool_calls, invalid_tool_calls, additional_kwargs } = message;
    const nameOf = readNames(this.#request.tools);
    const calls = [...(tool_calls ?? []), ...(invalid_tool_calls ?? [])];
    checkCount(calls.length);
    const spoken = (textOf(message) || String(additional_kwargs?.refusal ?? '')).toWellFormed();
    const parts: Part[] = spoken === '' ? [] : [{ kind: 'text', text: spoken }];
    for (const { id, name, args } of calls) {
      const text = typeof args === 'string' ? args : (JSON.stringify(args) ?? '');
      // Some providers give no ids; then the call and its result need one all the same.
      const known = id || `call-${newId()}`;
      parts.push({ kind: 'call', id: known, name: nameOf(name ?? ''), args: readArguments(text) });
    }
    const [first, ...rest] = parts;
    // Half of a call among the blocks would be sent without its result.
    const to = { provider: this.#echoProvider, model: this.#request.model };
    const echo = isWhole ? echoOf(message, to) : null;
    return first && echo ? [{ ...first, echo } as Part, ...rest] : parts;
  }
}

function textOf({ content }: LangChainMessage): string {
  if (typeof content === 'string') return content;
  return content
    .map((part) => (typeof part === 'string' ? part : part.type === 'text' ? part.text : null))
    .join('');
}

/** What goes back beyond text and calls: content in blocks, and what a package keeps beside it. */
function echoOf(
  { content, additional_kwargs }: LangChainMessage,
  to: Pick<Echo, 'provider' | 'model'>,
): Echo | null {
  const { tool_calls: _, ...kept } = additional_kwargs ?? {};
  const isPlain =
    typeof content === 'string' ||
    content.every((part) => typeof part === 'string' || part.type === 'text');
  if (isPlain && Object.keys(kept).length === 0) return null;
  const block: unknown = JSON.parse(JSON.stringify({ content, additional_kwargs: kept }));
  return { ...to, blocks: [block] };
}

const cut = ['length', 'max_tokens', 'max_output_tokens', 'model_length', 'max_completion_tokens'];
const refused = [
  ...['content_filter', 'content_filtered', 'refusal', 'safety', 'recitation', 'blocklist'],
  ...['prohibited_content', 'spii', 'guardrail_intervened', 'image_safety'],
];

/** Why a reply ended, under the names that packages give it, in lower case. */
function reasonsIn(metadata: Readonly<Record<string, unknown>>): readonly string[] {
  const { finish_reason, finishReason, stop_reason, stopReason, done_reason } = metadata;
  const incomplete = metadata.incomplete_details as { readonly reason?: unknown } | null;
  return [
    ...[finish_reason, finishReason, stop_reason, stopReason, done_reason],
    incomplete?.reason,
  ].map((reason) => String(reason).toLowerCase());
}

function endOf(reasons: readonly string[]): 'end' | 'length' | 'refusal' {
  if (reasons.some((reason) => refused.includes(reason))) return 'refusal';
  return reasons.some((reason) => cut.includes(reason)) ? 'length' : 'end';
}

/** Null: the package counts nothing. @throws MODEL_REPLY_INVALID */
function readUsage(usage: LangChainMessage['usage_metadata']): Usage | null {
  if (!usage) return null;
  return toUsage({
    input: usage.input_tokens,
    cachedInput: usage.input_token_details?.cache_read,
    cacheWrite: usage.input_token_details?.cache_creation,
    output: usage.output_tokens,
    reasoning: usage.output_token_details?.reasoning,
  });
}

/** The most that a call can have used: one whose usage nobody knows counts in full. */
function fullUsage(request: ModelRequest): Usage {
  return {
    input: requestBytes(request) + requestOverheadTokens,
    cachedInput: 0,
    cacheWrite: 0,
    output: request.maxOutputTokens,
    reasoning: 0,
  };
}
