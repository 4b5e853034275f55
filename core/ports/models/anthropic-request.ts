import type Anthropic from '@anthropic-ai/sdk';
import { anthropicDialect, describeOutput, toStrictSchema } from './json-schema.ts';
import type { Message, ModelRequest, Part, ToolSpec } from './model.ts';
import { toArguments } from './reply-parts.ts';
import { toProviderName } from './tool-name.ts';

type Content = Anthropic.ContentBlockParam;

// Five minutes, renewed by each use; ignored below the model's minimum length.
const breakpoint = { cache_control: { type: 'ephemeral' } } as const;

/**
 * The request as the Messages API takes it. Pure. Tools and instructions, which all items of a foreach share, end in a cache
 * breakpoint; so do, from the second turn on, the last two messages of the user: what the turn before wrote is read, what this
 * one adds is written. That makes three of the four that a request may have. One breakpoint would not do: the cache looks
 * back 20 blocks from it, and a turn may add more calls and results than that.
 * @see https://platform.claude.com/docs/en/build-with-claude/prompt-caching (2026-11)
 */
export function toMessagesRequest(request: ModelRequest): Anthropic.MessageCreateParamsStreaming {
  const schema = toStrictSchema(request.output.schema, anthropicDialect);
  const system = schema
    ? request.instructions
    : `${request.instructions}\n\n${describeOutput(request.output.schema)}`;
  return {
    model: request.model,
    max_tokens: request.maxOutputTokens,
    ...(system !== '' && { system: [{ type: 'text', text: system, ...breakpoint }] }),
    messages: markConversation(
      request.messages
        .map((message) => toMessage(message, request.model))
        .filter(({ content }) => content.length > 0),
    ),
    ...(request.tools.length > 0 && { tools: toTools(request.tools, system === '') }),
    ...(schema && { output_config: { format: { type: 'json_schema', schema } } }),
    stream: true,
  };
}

// The cache is filled in the order tools, instructions, messages: tools need a breakpoint only where no instructions follow.
function toTools(tools: readonly ToolSpec[], isMarked: boolean): Anthropic.Tool[] {
  return tools.map(({ name, description, parameters }, index) => ({
    name: toProviderName(name),
    description,
    input_schema: { ...parameters, type: 'object' as const },
    ...(isMarked && index === tools.length - 1 && breakpoint),
  }));
}

interface Turn {
  readonly role: Message['role'];
  readonly content: readonly Content[];
}

// An opening alone is not marked: an agent of one turn would pay for writing what nobody reads.
function markConversation(turns: readonly Turn[]): Anthropic.MessageParam[] {
  const marked = turns.length > 1 ? turns.filter(({ role }) => role === 'user').slice(-2) : [];
  return turns.map((turn) => {
    const { role, content } = turn;
    const last = content.at(-1);
    const isMarked = last !== undefined && marked.includes(turn);
    return {
      role,
      content: isMarked
        ? [...content.slice(0, -1), { ...last, ...breakpoint } as Content]
        : [...content],
    };
  });
}

// Results must stand first in a message.
function toMessage({ role, parts }: Message, model: string): Turn {
  const results = parts.filter(({ kind }) => kind === 'result');
  const others = parts.filter(({ kind }) => kind !== 'result');
  return { role, content: [...results, ...others].flatMap((part) => toBlocks(part, model)) };
}

function toBlocks(part: Part, model: string): Content[] {
  if (part.kind === 'result') {
    const { id: tool_use_id, content, isError: is_error } = part;
    return [{ type: 'tool_result', tool_use_id, content, ...(is_error && { is_error }) }];
  }
  const { echo } = part;
  const isOurs = echo?.provider === 'anthropic' && echo.model === model;
  const before = isOurs ? (echo.blocks as readonly Content[]) : [];
  if (part.kind === 'text') {
    // A text of white space alone, which models do write beside calls, is refused with all of its request.
    const isBlank = part.text.trim() === '';
    return [...before, ...(isBlank ? [] : [{ type: 'text' as const, text: part.text }])];
  }
  const { id, name, args } = part;
  const call = {
    type: 'tool_use' as const,
    id,
    name: toProviderName(name),
    input: toArguments(args),
  };
  return [...before, call];
}
