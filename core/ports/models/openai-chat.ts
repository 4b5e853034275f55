import type OpenAI from 'openai';
import { z } from 'zod';
import type { Connection } from './connection.ts';
import { describeOutput, openaiDialect, toStrictSchema } from './json-schema.ts';
import type { Message, Model, ModelReply, ModelRequest, Part, ToolSpec } from './model.ts';
import { openaiClient } from './openai-client.ts';
import { promptCacheKey } from './prompt-cache.ts';
import {
  checkCount,
  invalidReply,
  parseReply,
  readArguments,
  refuseBrokenOff,
  settleParts,
  toArguments,
  toUsage,
} from './reply-parts.ts';
import { type Collector, streamReply } from './reply-stream.ts';
import { readNames, toProviderName } from './tool-name.ts';

type ChatMessage = OpenAI.Chat.ChatCompletionMessageParam;

/**
 * The Chat Completions API, the provider `openai-chat`: OpenAI's own, and by base URL any server that speaks it.
 * @see https://developers.openai.com/api/reference/resources/chat (2026-11)
 */
export function openaiChat(connection: Connection): Model {
  const isOpenAi = /(^|\.)(openai|azure)\.com$/.test(new URL(connection.baseUrl).hostname);
  return {
    provider: connection.provider,
    tellsSent: true,
    call: (request, options) =>
      streamReply({
        connection,
        request,
        options,
        open: async (signal) =>
          (await openaiClient(connection)).chat.completions.create(
            toChatRequest(request, isOpenAi),
            {
              signal,
            },
          ),
        collector: collectChat(request, options.onDelta),
      }),
  };
}

/**
 * The request as the Chat Completions API takes it. Pure. Servers other than OpenAI's get `max_tokens`, the name that all
 * of them know, no key for a cache, and the schema of the answer in words while tools are offered: several local servers apply it to
 * everything the model writes, and then no tool is ever called.
 */
export function toChatRequest(
  request: ModelRequest,
  isOpenAi: boolean,
): OpenAI.Chat.ChatCompletionCreateParamsStreaming {
  const isEnforced = isOpenAi || request.tools.length === 0;
  const instructions = isEnforced
    ? request.instructions
    : `${request.instructions}\n\n${describeOutput(request.output.schema)}`;
  return {
    model: request.model,
    messages: [
      { role: 'system', content: instructions },
      ...request.messages.flatMap(toChatMessages),
    ],
    ...(request.tools.length > 0 && { tools: request.tools.map(toTool) }),
    ...(isEnforced && { response_format: toFormat(request) }),
    ...(isOpenAi
      ? {
          max_completion_tokens: request.maxOutputTokens,
          prompt_cache_key: promptCacheKey(request),
        }
      : { max_tokens: request.maxOutputTokens }),
    stream: true,
    stream_options: { include_usage: true },
  };
}

function toFormat({ output }: ModelRequest): OpenAI.ResponseFormatJSONSchema {
  const strict = toStrictSchema(output.schema, openaiDialect);
  return {
    type: 'json_schema',
    json_schema: {
      name: toProviderName(output.name),
      schema: strict ?? output.schema,
      strict: strict !== undefined,
    },
  };
}

function toTool(tool: ToolSpec): OpenAI.Chat.ChatCompletionTool {
  const strict = toStrictSchema(tool.parameters, openaiDialect);
  return {
    type: 'function',
    function: {
      name: toProviderName(tool.name),
      description: tool.description,
      parameters: strict ?? tool.parameters,
      ...(strict !== undefined && { strict: true }),
    },
  };
}

function toChatMessages({ role, parts }: Message): ChatMessage[] {
  const text = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('\n');
  if (role === 'assistant') {
    const calls = parts.flatMap((part) => (part.kind === 'call' ? [toCall(part)] : []));
    if (text === '' && calls.length === 0) return [];
    const content = text === '' ? null : text;
    return [{ role, content, ...(calls.length > 0 && { tool_calls: calls }) }];
  }
  // Results come straight after the calls that they answer.
  const results = parts.flatMap((part): ChatMessage[] => {
    if (part.kind !== 'result') return [];
    const content = part.isError ? `Error: ${part.content}` : part.content;
    return [{ role: 'tool', tool_call_id: part.id, content }];
  });
  return [...results, ...(text === '' ? [] : [{ role, content: text }])];
}

function toCall(
  part: Extract<Part, { kind: 'call' }>,
): OpenAI.Chat.ChatCompletionMessageFunctionToolCall {
  return {
    id: part.id,
    type: 'function',
    function: {
      name: toProviderName(part.name),
      arguments: JSON.stringify(toArguments(part.args)),
    },
  };
}

const text = z.string().nullish();
const callSchema = z.object({
  index: z.int().nullish(),
  id: text,
  function: z.object({ name: text, arguments: text }).nullish(),
});
const choiceSchema = z.object({
  delta: z
    .object({ content: text, refusal: text, tool_calls: z.array(callSchema).nullish() })
    .nullish(),
  finish_reason: text,
});
const details = z.record(z.string(), z.unknown()).nullish();
const chunkSchema = z.object({
  id: text,
  model: text,
  choices: z.array(choiceSchema).nullish(),
  usage: z
    .object({
      prompt_tokens: z.unknown().optional(),
      completion_tokens: z.unknown().optional(),
      total_tokens: z.unknown().optional(),
      prompt_tokens_details: details,
      completion_tokens_details: details,
    })
    .nullish(),
});

interface OpenCall {
  readonly index: number;
  readonly id: string;
  name: string;
  args: string;
}

/** What the chunks of a reply add up to. */
interface Chat {
  id: string;
  model: string;
  text: string;
  refusal: string;
  finish: string | undefined;
  usage: z.output<typeof chunkSchema>['usage'];
  readonly calls: OpenCall[];
}

export function collectChat(
  request: ModelRequest,
  onDelta: ((text: string) => void) | undefined,
): Collector {
  const chat: Chat = {
    id: '',
    model: request.model,
    text: '',
    refusal: '',
    finish: undefined,
    usage: undefined,
    calls: [],
  };
  return {
    get isComplete() {
      return chat.finish !== undefined && chat.usage !== undefined;
    },
    take(raw) {
      const chunk = parseReply(chunkSchema, raw);
      chat.id ||= chunk.id ?? '';
      chat.model = chunk.model || chat.model;
      chat.usage = chunk.usage ?? chat.usage;
      const choice = chunk.choices?.[0];
      // Some servers say '' as long as there is none.
      chat.finish = choice?.finish_reason || chat.finish;
      if (choice?.delta?.content) onDelta?.(choice.delta.content);
      chat.text += choice?.delta?.content ?? '';
      chat.refusal += choice?.delta?.refusal ?? '';
      for (const call of choice?.delta?.tool_calls ?? []) addCall(chat.calls, call);
    },
    finish: () => fromChat(chat, request),
  };
}

// Some servers number every call 0 and tell them apart by id only; others (vLLM) give each piece of a call an id of its own. Only the
// first piece of a call has a name.
function addCall(calls: OpenCall[], delta: z.output<typeof callSchema>): void {
  const index = delta.index ?? 0;
  let call = calls.findLast((each) => each.index === index);
  if (!call || (delta.id && delta.id !== call.id && delta.function?.name)) {
    call = { index, id: delta.id ?? '', name: '', args: '' };
    calls.push(call);
    checkCount(calls.length);
  }
  call.name ||= delta.function?.name ?? '';
  call.args += delta.function?.arguments ?? '';
}

function fromChat(chat: Chat, request: ModelRequest): ModelReply {
  if (chat.finish === undefined) throw invalidReply('it ended before its final event');
  refuseBrokenOff([chat.finish], request.model);
  if (!chat.usage) throw invalidReply('it counts no tokens; the server must support include_usage');
  const nameOf = readNames(request.tools);
  const calls = chat.calls.map(({ id, name, args }): Part => {
    return { kind: 'call', id, name: nameOf(name), args: readArguments(args) };
  });
  const spoken: Part = { kind: 'text', text: (chat.text || chat.refusal).toWellFormed() };
  const isRefused = chat.refusal !== '' || chat.finish === 'content_filter';
  return {
    ...settleParts(
      [spoken, ...calls],
      isRefused ? 'refusal' : chat.finish === 'length' ? 'length' : 'end',
    ),
    usage: readUsage(chat.usage),
    model: chat.model,
    providerId: chat.id,
  };
}

// Some servers count reasoning beside `completion_tokens`; then only the total holds all that is charged.
function readUsage(usage: NonNullable<Chat['usage']>): ModelReply['usage'] {
  const { prompt_tokens: input, completion_tokens: completion, total_tokens: total } = usage;
  const isCounted = [input, completion, total].every((count) => Number.isSafeInteger(count));
  return toUsage({
    input,
    cachedInput: usage.prompt_tokens_details?.cached_tokens,
    cacheWrite: usage.prompt_tokens_details?.cache_write_tokens,
    output: isCounted ? Math.max(Number(completion), Number(total) - Number(input)) : completion,
    reasoning: usage.completion_tokens_details?.reasoning_tokens,
  });
}
