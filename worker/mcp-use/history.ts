import { EngineError } from '../../core/base/errors.ts';
import type { Message, Part } from '../../core/ports/models/model.ts';

/** A message of a conversation, as LangChain writes it; its own classes are taken, too. */
export interface HistoryMessage {
  readonly type: 'human' | 'ai' | 'tool' | 'system' | (string & {});
  readonly content: unknown;
  readonly tool_calls?: readonly {
    readonly id?: string | undefined;
    readonly name: string;
    readonly args: unknown;
  }[];
  readonly tool_call_id?: string;
  readonly name?: string | undefined;
}

/** A conversation for people to look at, and for `externalHistory`. */
export function toHistory(messages: readonly Message[]): HistoryMessage[] {
  return messages.flatMap(({ role, parts }): HistoryMessage[] => {
    const content = textOf(parts);
    if (role === 'assistant') {
      const calls = parts.flatMap((part) => (part.kind === 'call' ? [part] : []));
      const tool_calls = calls.map(({ id, name, args }) => ({ id, name, args }));
      return [{ type: 'ai', content, ...(tool_calls.length > 0 && { tool_calls }) }];
    }
    const results = parts.flatMap((part): HistoryMessage[] => {
      if (part.kind !== 'result') return [];
      const { id, name, content } = part;
      return [{ type: 'tool', content, tool_call_id: id, name }];
    });
    return [...results, ...(content === '' ? [] : [{ type: 'human', content }])];
  });
}

/** A conversation for a model. Its own system messages are left out, as there is one already. @throws INPUT_INVALID */
export function fromHistory(history: readonly HistoryMessage[]): Message[] {
  const messages: Message[] = [];
  for (const each of history) {
    const { role, parts } = readMessage(each);
    const last = messages.at(-1);
    // Results of one answer's calls are one message.
    if (last?.role === 'user' && role === 'user' && isResults(last.parts) && isResults(parts)) {
      messages[messages.length - 1] = { role, parts: [...last.parts, ...parts] };
    } else if (parts.length > 0) messages.push({ role, parts });
  }
  return messages;
}

function isResults(parts: readonly Part[]): boolean {
  return parts.length > 0 && parts.every(({ kind }) => kind === 'result');
}

function readMessage(message: HistoryMessage): Message {
  const { content, tool_calls = [], tool_call_id: id = '', name = '' } = message;
  const type = typeOf(message);
  const text = typeof content === 'string' ? content : JSON.stringify(content);
  const spoken: readonly Part[] = text === '' ? [] : [{ kind: 'text', text }];
  switch (type) {
    case 'human':
      return { role: 'user', parts: spoken };
    case 'ai': {
      const calls = tool_calls.map((call): Part => ({ kind: 'call', ...call, id: call.id ?? '' }));
      return { role: 'assistant', parts: [...spoken, ...calls] };
    }
    case 'tool':
      return { role: 'user', parts: [{ kind: 'result', id, name, content: text, isError: false }] };
    case 'system':
      return { role: 'user', parts: [] };
    default:
      throw new EngineError(
        'INPUT_INVALID',
        `A message of externalHistory is of type '${type}'; those are human, ai, tool and system.`,
      );
  }
}

function typeOf(message: HistoryMessage): string {
  const { getType } = message as { readonly getType?: () => string };
  return typeof getType === 'function' ? getType.call(message) : message.type;
}

/** What was said, without calls and results. */
export function textOf(parts: readonly Part[]): string {
  return parts.map((part) => (part.kind === 'text' ? part.text : '')).join('');
}
