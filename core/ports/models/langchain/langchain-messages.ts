import { describeOutput } from '../json-schema.ts';
import type { Echo, Message, ModelRequest, Part, ToolSpec } from '../model.ts';
import { toArguments } from '../reply-parts.ts';
import { toProviderName } from '../tool-name.ts';

/** A message as every version of LangChain reads it. */
interface LangChainMessage {
  readonly role: 'system' | 'user' | 'assistant' | 'tool';
  readonly content: unknown;
  readonly [more: string]: unknown;
}

/** What an echo names as its provider: never one of the adapters that speak with a provider themselves. */
export function echoProvider(provider: string): string {
  return `langchain/${provider}`;
}

/** The conversation as LangChain takes it. Pure. An answer whose form is any text is asked for without words. */
export function toLangChainMessages(
  { instructions, messages, model, output }: ModelRequest,
  provider: string,
): LangChainMessage[] {
  const isFree = output.schema.type === 'string';
  const content = isFree ? instructions : `${instructions}\n\n${describeOutput(output.schema)}`;
  return [
    { role: 'system', content },
    ...messages.flatMap((message) => toMessages(message, { provider, model })),
  ];
}

function toMessages(
  { role, parts }: Message,
  own: Pick<Echo, 'provider' | 'model'>,
): LangChainMessage[] {
  const text = parts.flatMap((part) => (part.kind === 'text' ? [part.text] : [])).join('\n');
  if (role === 'assistant') {
    const calls = parts.flatMap((part) => (part.kind === 'call' ? [toCall(part)] : []));
    if (text === '' && calls.length === 0) return [];
    return [{ role, content: text, ...echoed(parts, own), tool_calls: calls }];
  }
  // Results come straight after the calls that they answer.
  const results = parts.flatMap((part) => (part.kind === 'result' ? [toResult(part)] : []));
  return [...results, ...(text === '' ? [] : [{ role, content: text }])];
}

/** Content as the provider sent it, where it was this one: signed thoughts go back as they came. */
function echoed(parts: readonly Part[], own: Pick<Echo, 'provider' | 'model'>): object {
  const echo = parts.flatMap((part) => (part.kind !== 'result' && part.echo ? [part.echo] : []))[0];
  if (echo?.provider !== own.provider || echo.model !== own.model) return {};
  return echo.blocks[0] as object;
}

function toCall({ id, name, args }: Extract<Part, { kind: 'call' }>): object {
  return { type: 'tool_call', id, name: toProviderName(name), args: toArguments(args) };
}

function toResult(part: Extract<Part, { kind: 'result' }>): LangChainMessage {
  return {
    role: 'tool',
    content: part.isError ? `Error: ${part.content}` : part.content,
    tool_call_id: part.id,
    name: toProviderName(part.name),
    status: part.isError ? 'error' : 'success',
  };
}

/** Tools as LangChain's packages convert them to what each provider wants. */
export function toLangChainTools(tools: readonly ToolSpec[]): object[] {
  return tools.map(({ name, description, parameters }) => ({
    name: toProviderName(name),
    description,
    // They know a JSON Schema by its type.
    schema: { type: 'object', ...parameters },
  }));
}
