import { z } from 'zod';
import { toMessagesRequest } from './anthropic-request.ts';
import { type Connection, shareClients } from './connection.ts';
import type { Model, ModelReply, ModelRequest, Part } from './model.ts';
import {
  checkCount,
  invalidReply,
  parseReply,
  readArguments,
  settleParts,
  toUsage,
} from './reply-parts.ts';
import { type Collector, streamReply } from './reply-stream.ts';
import { readNames } from './tool-name.ts';
import { watchedFetch } from './watched-fetch.ts';

/**
 * Anthropic's Messages API, the provider `anthropic`. Thinking is left at each model's default; its signed blocks travel
 * back as the echo of the part that they led to, since newer models always think and want them in a tool loop.
 * @see https://platform.claude.com/docs/en/api/messages (2026-11)
 */
export function anthropicMessages(connection: Connection): Model {
  return {
    provider: connection.provider,
    tellsSent: true,
    call: (request, options) =>
      streamReply({
        connection,
        request,
        options,
        open: async (signal) =>
          (await anthropicClient(connection)).messages.create(toMessagesRequest(request), {
            signal,
          }),
        collector: collectMessage(request, options.onDelta),
      }),
  };
}

// Deadlines are the call watch's, retries the engine's, spans our own; the SDK's log would print replies.
export const anthropicClient = shareClients(async ({ baseUrl, apiKey }: Connection) => {
  const { Anthropic } = await import('@anthropic-ai/sdk');
  return new Anthropic({
    baseURL: baseUrl,
    apiKey,
    maxRetries: 0,
    timeout: 2 ** 31 - 1,
    logLevel: 'off',
    openTelemetry: false,
    fetch: watchedFetch,
  });
});

const count = z.unknown().optional();
const usageSchema = z.object({
  input_tokens: count,
  output_tokens: count,
  cache_read_input_tokens: count,
  cache_creation_input_tokens: count,
  output_tokens_details: z.object({ thinking_tokens: count }).nullish(),
});
const eventSchema = z.union([
  z.object({
    type: z.literal('message_start'),
    message: z.object({ id: z.string(), model: z.string(), usage: usageSchema }),
  }),
  z.object({
    type: z.literal('content_block_start'),
    index: z.int().min(0),
    content_block: z.looseObject({ type: z.string() }),
  }),
  z.object({
    type: z.literal('content_block_delta'),
    index: z.int().min(0),
    delta: z.object({
      type: z.string(),
      text: z.string().optional(),
      partial_json: z.string().optional(),
      thinking: z.string().optional(),
      signature: z.string().optional(),
    }),
  }),
  z.object({ type: z.literal('content_block_stop'), index: z.int().min(0) }),
  z.object({
    type: z.literal('message_delta'),
    delta: z.object({ stop_reason: z.string().nullish() }),
    usage: usageSchema,
  }),
  z.object({ type: z.literal('message_stop') }),
]);
type Event = z.output<typeof eventSchema>;
type Delta = Extract<Event, { type: 'content_block_delta' }>['delta'];
const eventTypes = new Set(eventSchema.options.map(({ shape }) => shape.type.value as string));

/** One content block of the reply, growing. */
interface Block {
  readonly start: Readonly<Record<string, unknown>>;
  text: string;
  json: string;
  signature: string;
  isOpen: boolean;
}

/** What the events of a reply add up to. */
interface Draft {
  id: string;
  model: string;
  stopReason: string | undefined;
  isStopped: boolean;
  usage: z.output<typeof usageSchema>;
  readonly blocks: Block[];
}

export function collectMessage(
  request: ModelRequest,
  onDelta: ((text: string) => void) | undefined,
): Collector {
  const draft: Draft = {
    id: '',
    model: request.model,
    stopReason: undefined,
    isStopped: false,
    usage: {
      input_tokens: undefined,
      output_tokens: undefined,
      cache_read_input_tokens: undefined,
      cache_creation_input_tokens: undefined,
    },
    blocks: [],
  };
  return {
    get isComplete() {
      return draft.isStopped;
    },
    take(raw) {
      const { type } = parseReply(z.object({ type: z.string() }), raw);
      // The API may add kinds of events; those known must be whole.
      if (eventTypes.has(type)) addEvent(draft, parseReply(eventSchema, raw), onDelta);
    },
    finish: () => fromDraft(draft, request),
  };
}

function addEvent(draft: Draft, event: Event, onDelta: ((text: string) => void) | undefined): void {
  switch (event.type) {
    case 'message_start':
      draft.id = event.message.id;
      draft.model = event.message.model;
      draft.usage = event.message.usage;
      break;
    case 'content_block_start':
      if (event.index !== draft.blocks.length) throw invalidReply('its blocks are out of order');
      draft.blocks.push(openBlock(event.content_block));
      if (event.content_block.type === 'tool_use') {
        checkCount(draft.blocks.filter(({ start }) => start.type === 'tool_use').length);
      }
      break;
    case 'content_block_delta':
      addDelta(blockAt(draft, event.index), event.delta);
      if (event.delta.type === 'text_delta') onDelta?.(event.delta.text ?? '');
      break;
    case 'content_block_stop':
      blockAt(draft, event.index).isOpen = false;
      break;
    case 'message_delta':
      draft.stopReason = event.delta.stop_reason ?? draft.stopReason;
      draft.usage = mergeUsage(draft.usage, event.usage);
      break;
    case 'message_stop':
      draft.isStopped = true;
      break;
  }
}

function openBlock(start: Block['start']): Block {
  const text = start.text ?? start.thinking;
  return {
    start,
    text: typeof text === 'string' ? text : '',
    json: '',
    signature: typeof start.signature === 'string' ? start.signature : '',
    isOpen: true,
  };
}

function blockAt(draft: Draft, index: number): Block {
  const block = draft.blocks[index];
  if (!block?.isOpen) throw invalidReply('it adds to a block that is not open');
  return block;
}

function addDelta(block: Block, delta: Delta): void {
  block.text += delta.text ?? delta.thinking ?? '';
  block.json += delta.partial_json ?? '';
  block.signature += delta.signature ?? '';
}

// Later counts are cumulative and replace earlier ones, where they are given at all.
function mergeUsage(first: Draft['usage'], later: Draft['usage']): Draft['usage'] {
  const given = Object.entries(later).filter(([, each]) => each !== null && each !== undefined);
  return { ...first, ...Object.fromEntries(given) };
}

function fromDraft(draft: Draft, request: ModelRequest): ModelReply {
  if (!draft.isStopped) throw invalidReply('it ended before its final event');
  if (draft.blocks.some(({ isOpen }) => isOpen)) throw invalidReply('a block has no end');
  const { usage } = draft;
  const cachedInput = usage.cache_read_input_tokens ?? 0;
  const cacheWrite = usage.cache_creation_input_tokens ?? 0;
  return {
    ...settleParts(toParts(draft.blocks, request), readStop(draft.stopReason)),
    usage: toUsage({
      input: Number(usage.input_tokens ?? Number.NaN) + Number(cachedInput) + Number(cacheWrite),
      cachedInput,
      cacheWrite,
      output: usage.output_tokens,
      reasoning: usage.output_tokens_details?.thinking_tokens,
    }),
    model: draft.model,
    providerId: draft.id,
  };
}

function readStop(reason: string | undefined): 'end' | 'length' | 'refusal' {
  switch (reason) {
    case 'end_turn':
    case 'tool_use':
    case 'stop_sequence':
      return 'end';
    case 'refusal':
      return 'refusal';
    case 'max_tokens':
    case 'model_context_window_exceeded':
      return 'length';
    default:
      throw invalidReply(`it stopped for an unknown reason (${reason?.slice(0, 40) ?? 'none'})`);
  }
}

function toParts(blocks: readonly Block[], request: ModelRequest): Part[] {
  const nameOf = readNames(request.tools);
  const parts: Part[] = [];
  let held: unknown[] = [];
  const echo = () => {
    const taken = held;
    held = [];
    return taken.length > 0
      ? { echo: { provider: 'anthropic', model: request.model, blocks: taken } }
      : {};
  };
  for (const { start, text, json, signature } of blocks) {
    if (start.type === 'text') {
      // An empty text is left out; what was thought before it belongs to what comes next.
      if (text !== '') parts.push({ kind: 'text', text: text.toWellFormed(), ...echo() });
    } else if (start.type === 'tool_use') {
      const { id, name } = parseReply(z.object({ id: z.string(), name: z.string() }), start);
      const args = readArguments(json === '' ? JSON.stringify(start.input ?? {}) : json);
      parts.push({ kind: 'call', id, name: nameOf(name), args, ...echo() });
    } else if (start.type === 'thinking') {
      held.push({ type: 'thinking', thinking: text, signature });
    } else if (start.type === 'redacted_thinking') {
      held.push({ type: 'redacted_thinking', data: start.data });
    }
  }
  return parts;
}
