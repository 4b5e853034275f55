import type OpenAI from 'openai';
import { z } from 'zod';
import type { Connection } from './connection.ts';
import { openaiDialect, toStrictSchema } from './json-schema.ts';
import type { Message, Model, ModelReply, ModelRequest, Part, ToolSpec } from './model.ts';
import { openaiClient } from './openai-client.ts';
import { promptCacheKey } from './prompt-cache.ts';
import {
  invalidReply,
  parseReply,
  readArguments,
  settleParts,
  toArguments,
  toUsage,
} from './reply-parts.ts';
import { type Collector, streamReply } from './reply-stream.ts';
import { readNames, toProviderName } from './tool-name.ts';

type Input = OpenAI.Responses.ResponseInputItem;

/**
 * OpenAI's Responses API, the provider `openai`. Nothing is stored at OpenAI (`store: false`); encrypted reasoning travels
 * back as the echo of the part that it led to.
 * @see https://developers.openai.com/api/reference/resources/responses (2026-11)
 */
export function openaiResponses(connection: Connection): Model {
  return {
    provider: connection.provider,
    tellsSent: true,
    call: (request, options) =>
      streamReply({
        connection,
        request,
        options,
        open: async (signal) =>
          (await openaiClient(connection)).responses.create(toResponsesRequest(request), {
            signal,
          }),
        collector: collectResponse(request, options.onDelta),
      }),
  };
}

/** The request as the Responses API takes it. Pure. */
export function toResponsesRequest(
  request: ModelRequest,
): OpenAI.Responses.ResponseCreateParamsStreaming {
  const strict = toStrictSchema(request.output.schema, openaiDialect);
  return {
    model: request.model,
    instructions: request.instructions,
    input: request.messages.flatMap((message) => toItems(message, request.model)),
    ...(request.tools.length > 0 && { tools: request.tools.map(toTool) }),
    text: {
      format: {
        type: 'json_schema',
        name: toProviderName(request.output.name),
        schema: strict ?? request.output.schema,
        strict: strict !== undefined,
      },
    },
    max_output_tokens: request.maxOutputTokens,
    prompt_cache_key: promptCacheKey(request),
    store: false,
    stream: true,
  };
}

function toTool(tool: ToolSpec): OpenAI.Responses.FunctionTool {
  const strict = toStrictSchema(tool.parameters, openaiDialect);
  return {
    type: 'function',
    name: toProviderName(tool.name),
    description: tool.description,
    parameters: strict ?? tool.parameters,
    strict: strict !== undefined,
  };
}

function toItems({ role, parts }: Message, model: string): Input[] {
  return parts.flatMap((part): Input[] => {
    if (part.kind === 'result') {
      const output = part.isError ? `Error: ${part.content}` : part.content;
      return [{ type: 'function_call_output', call_id: part.id, output }];
    }
    const { echo } = part;
    const isOurs = echo?.provider === 'openai' && echo.model === model;
    const before = isOurs ? (echo.blocks as readonly Input[]) : [];
    if (part.kind === 'text') {
      return [...before, ...(part.text === '' ? [] : [{ role, content: part.text }])];
    }
    const call: Input = {
      type: 'function_call',
      call_id: part.id,
      name: toProviderName(part.name),
      arguments: JSON.stringify(toArguments(part.args)),
    };
    return [...before, call];
  });
}

const contentSchema = z.union([
  z.object({ type: z.literal('output_text'), text: z.string() }),
  z.object({ type: z.literal('refusal'), refusal: z.string() }),
  z.object({ type: z.string() }),
]);
const itemSchema = z.union([
  z.object({ type: z.literal('message'), content: z.array(contentSchema) }),
  z.object({
    type: z.literal('function_call'),
    call_id: z.string(),
    name: z.string(),
    arguments: z.string(),
  }),
  z.object({
    type: z.literal('reasoning'),
    id: z.string(),
    summary: z.array(z.unknown()),
    encrypted_content: z.string().nullish(),
  }),
  z.object({ type: z.string() }),
]);
const responseSchema = z.object({
  id: z.string(),
  model: z.string(),
  status: z.enum(['completed', 'incomplete']),
  incomplete_details: z.object({ reason: z.string().nullish() }).nullish(),
  output: z.array(itemSchema),
  usage: z.object({
    input_tokens: z.unknown().optional(),
    output_tokens: z.unknown().optional(),
    input_tokens_details: z.record(z.string(), z.unknown()).nullish(),
    output_tokens_details: z.record(z.string(), z.unknown()).nullish(),
  }),
});
type Item = z.output<typeof itemSchema>;

/** Reads a finished response. Pure. @throws MODEL_REPLY_INVALID */
function fromResponse(raw: unknown, request: ModelRequest): ModelReply {
  const response = parseReply(responseSchema, raw);
  const { usage } = response;
  const isRefused = response.output.some(
    (item) => 'content' in item && item.content.some((content) => 'refusal' in content),
  );
  const reason = response.incomplete_details?.reason;
  const isCut = response.status === 'incomplete';
  const isFiltered = isRefused || (isCut && reason === 'content_filter');
  return {
    ...settleParts(
      toParts(response.output, request),
      isFiltered ? 'refusal' : isCut ? 'length' : 'end',
    ),
    usage: toUsage({
      input: usage.input_tokens,
      cachedInput: usage.input_tokens_details?.cached_tokens,
      cacheWrite: usage.input_tokens_details?.cache_write_tokens,
      output: usage.output_tokens,
      reasoning: usage.output_tokens_details?.reasoning_tokens,
    }),
    model: response.model,
    providerId: response.id,
  };
}

function toParts(output: readonly Item[], request: ModelRequest): Part[] {
  const nameOf = readNames(request.tools);
  const parts: Part[] = [];
  let blocks: unknown[] = [];
  const echo = () => {
    const held = blocks;
    blocks = [];
    return held.length > 0
      ? { echo: { provider: 'openai', model: request.model, blocks: held } }
      : {};
  };
  for (const item of output) {
    if ('content' in item) {
      const text = readContent(item.content);
      // An empty text is left out; what was thought before it belongs to what comes next.
      if (text !== '') parts.push({ kind: 'text', text, ...echo() });
    } else if ('call_id' in item) {
      const { call_id: id, name, arguments: args } = item;
      parts.push({ kind: 'call', id, name: nameOf(name), args: readArguments(args), ...echo() });
    } else if ('summary' in item && item.encrypted_content) blocks.push(item);
  }
  return parts;
}

function readContent(content: readonly z.output<typeof contentSchema>[]): string {
  return content
    .map((each) => ('text' in each ? each.text : 'refusal' in each ? each.refusal : ''))
    .join('')
    .toWellFormed();
}

const eventSchema = z.object({
  type: z.string(),
  delta: z.unknown().optional(),
  response: z.unknown().optional(),
});
const failureSchema = z.object({
  error: z.object({ code: z.string().nullish(), message: z.string().nullish() }).nullish(),
});

export function collectResponse(
  request: ModelRequest,
  onDelta: ((text: string) => void) | undefined,
): Collector {
  let final: { readonly response: unknown } | undefined;
  return {
    get isComplete() {
      return final !== undefined;
    },
    take(raw) {
      const event = parseReply(eventSchema, raw);
      if (event.type === 'response.output_text.delta') {
        if (typeof event.delta === 'string') onDelta?.(event.delta);
      } else if (event.type === 'response.completed' || event.type === 'response.incomplete') {
        final = { response: event.response };
      } else if (event.type === 'response.failed') {
        throw parseReply(failureSchema, event.response);
      } else if (event.type === 'error') {
        // The SDK throws it only where the line `event:` names it as well, which gateways leave out.
        throw parseReply(failureSchema, { error: raw });
      }
    },
    finish() {
      if (final === undefined) throw invalidReply('it ended before its final event');
      return fromResponse(final.response, request);
    },
  };
}
