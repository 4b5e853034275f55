import { type ServerReply, streamEvents } from './model-stream.ts';
import type { ModelCallSeen } from './model-wire.ts';

type Json = Record<string, unknown>;

/** A reply in one piece, as the three APIs send it when nothing streams: what the events of the stream add up to. */
export function wholeBody(seen: ModelCallSeen, reply: ServerReply): Json {
  const body = { ...seen.body, stream_options: { include_usage: true } };
  const events = streamEvents({ ...seen, body }, reply).flatMap((event) => {
    const data = /^data: (\{.*\})$/m.exec(event)?.[1];
    return data === undefined ? [] : [JSON.parse(data) as Json];
  });
  switch (seen.api) {
    case 'openai':
      return object(events.at(-1)?.response);
    case 'openai-chat':
      return wholeCompletion(events);
    case 'anthropic':
      return wholeMessage(events);
  }
}

const object = (value: unknown): Json => (value ?? {}) as Json;
const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);

function wholeCompletion(chunks: readonly Json[]): Json {
  const message: Json = { role: 'assistant', content: null, refusal: null };
  const calls: Json[] = [];
  let finish_reason: unknown = null;
  let usage: unknown = null;
  for (const chunk of chunks) {
    usage = chunk.usage ?? usage;
    const [choice] = list(chunk.choices);
    if (!choice) continue;
    finish_reason = choice.finish_reason ?? finish_reason;
    const delta = object(choice.delta);
    for (const key of ['content', 'refusal']) {
      if (typeof delta[key] === 'string' && delta[key] !== '') {
        message[key] = `${message[key] ?? ''}${delta[key]}`;
      }
    }
    for (const { index, id, function: piece } of list(delta.tool_calls)) {
      const at = Number(index);
      const call = calls[at] ?? { id, type: 'function', function: { name: '', arguments: '' } };
      const { name, arguments: args } = object(call.function);
      const { name: moreName = '', arguments: more = '' } = object(piece);
      calls[at] = {
        ...call,
        function: { name: `${name}${moreName}`, arguments: `${args}${more}` },
      };
    }
  }
  if (calls.length > 0) message.tool_calls = calls;
  const { id, model } = object(chunks[0]);
  const choices = [{ index: 0, message, finish_reason }];
  return { id, model, object: 'chat.completion', created: 1, choices, usage };
}

function wholeMessage(events: readonly Json[]): Json {
  const message: Json = {};
  const content: Json[] = [];
  for (const event of events) {
    if (event.type === 'message_start') Object.assign(message, object(event.message));
    if (event.type === 'content_block_start') content.push({ ...object(event.content_block) });
    if (event.type === 'content_block_delta') {
      addDelta(object(content[Number(event.index)]), object(event.delta));
    }
    if (event.type === 'message_delta') {
      Object.assign(message, object(event.delta));
      message.usage = { ...object(message.usage), ...object(event.usage) };
    }
  }
  for (const block of content) {
    if (typeof block.json === 'string') block.input = JSON.parse(block.json);
    delete block.json;
  }
  return { ...message, content };
}

function addDelta(block: Json, { text, thinking, signature, partial_json }: Json): void {
  if (typeof text === 'string') block.text = `${block.text ?? ''}${text}`;
  if (typeof thinking === 'string') block.thinking = `${block.thinking ?? ''}${thinking}`;
  if (typeof signature === 'string') block.signature = `${block.signature ?? ''}${signature}`;
  if (typeof partial_json === 'string') block.json = `${block.json ?? ''}${partial_json}`;
}
