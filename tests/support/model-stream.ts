import type { ModelCallSeen } from './model-wire.ts';

type Json = Record<string, unknown>;

/** What the model says; a call's `args` given as a string goes out as it is. */
export interface ServerReply {
  readonly text?: string;
  readonly calls?: readonly {
    readonly name: string;
    readonly args: unknown;
    readonly id?: string;
  }[];
  /** A signed or encrypted thought that the provider wants back. */
  readonly thought?: string;
  readonly refusal?: string;
  /** Ends the reply as if the token limit cut it. */
  readonly isCut?: boolean;
  /** Replaces the counted tokens; the keys are ours, the values go out as they are. */
  readonly usage?: Readonly<Record<string, unknown>>;
}

/** The server-sent events of a reply, whole, in order. The last is the final event (for chat, the last three). */
export function streamEvents(seen: ModelCallSeen, reply: ServerReply): string[] {
  switch (seen.api) {
    case 'openai':
      return streamResponses(seen, reply);
    case 'openai-chat':
      return streamChat(seen, reply);
    case 'anthropic':
      return streamMessages(seen, reply);
  }
}

interface Tokens {
  readonly [name: string]: unknown;
}

function countTokens(seen: ModelCallSeen, reply: ServerReply): Tokens {
  return {
    input: Math.ceil(JSON.stringify(seen.body).length / 4),
    cachedInput: 0,
    cacheWrite: 0,
    output: Math.ceil(JSON.stringify(reply).length / 4),
    reasoning: 0,
    ...reply.usage,
  };
}

function* pieces(text: string): Generator<string> {
  for (let from = 0; from < text.length; from += 7) yield text.slice(from, from + 7);
}

// JSON has no NaN; the text `NaN` on the wire is what a broken server sends.
function json(value: unknown): string {
  return JSON.stringify(value, (_, each: unknown) =>
    typeof each === 'number' && !Number.isFinite(each) ? `%${each}%` : each,
  ).replace(/"%(.*?)%"/g, '$1');
}

const argsText = (args: unknown) => (typeof args === 'string' ? args : JSON.stringify(args));

let serial = 0;
const mint = (prefix: string) => `${prefix}_${(++serial).toString().padStart(8, '0')}`;

function streamResponses(seen: ModelCallSeen, reply: ServerReply): string[] {
  const events: string[] = [];
  const emit = (type: string, fields: Json) => {
    const sequence_number = events.length;
    events.push(`event: ${type}\ndata: ${json({ type, sequence_number, ...fields })}\n\n`);
  };
  const response = { id: mint('resp'), object: 'response', model: `${seen.model}-2026-01-01` };
  const output: Json[] = [];
  emit('response.created', { response: { ...response, status: 'in_progress', output } });
  emit('response.in_progress', { response: { ...response, status: 'in_progress', output } });
  const addItem = (open: Json, done: Json, middle: (at: Json) => void) => {
    const at = { output_index: output.length, item_id: open.id };
    emit('response.output_item.added', { output_index: output.length, item: open });
    middle(at);
    emit('response.output_item.done', { output_index: output.length, item: done });
    output.push(done);
  };
  if (reply.thought !== undefined) {
    const item = { id: mint('rs'), type: 'reasoning', summary: [] };
    addItem(item, { ...item, encrypted_content: reply.thought }, () => undefined);
  }
  const spoken = reply.text ?? reply.refusal;
  if (spoken !== undefined) {
    const item = { id: mint('msg'), type: 'message', role: 'assistant' };
    const part =
      reply.refusal === undefined
        ? { type: 'output_text', text: spoken, annotations: [] }
        : { type: 'refusal', refusal: spoken };
    const kind = reply.refusal === undefined ? 'output_text' : 'refusal';
    const done = { ...item, status: 'completed', content: [part] };
    addItem({ ...item, status: 'in_progress', content: [] }, done, (at) => {
      for (const delta of pieces(spoken)) {
        emit(`response.${kind}.delta`, { ...at, content_index: 0, delta });
      }
      emit(`response.${kind}.done`, {
        ...at,
        content_index: 0,
        [Object.keys(part)[1] ?? '']: spoken,
      });
    });
  }
  for (const call of reply.calls ?? []) {
    const item = { id: mint('fc'), type: 'function_call', call_id: call.id ?? mint('call') };
    const named = { ...item, name: call.name };
    const args = argsText(call.args);
    const done = { ...named, status: 'completed', arguments: args };
    addItem({ ...named, status: 'in_progress', arguments: '' }, done, (at) => {
      for (const delta of pieces(args)) {
        emit('response.function_call_arguments.delta', { ...at, delta });
      }
      emit('response.function_call_arguments.done', { ...at, arguments: args });
    });
  }
  const tokens = countTokens(seen, reply);
  const status = reply.isCut ? 'incomplete' : 'completed';
  emit(`response.${status}`, {
    response: {
      ...response,
      status,
      incomplete_details: reply.isCut ? { reason: 'max_output_tokens' } : null,
      output,
      usage: {
        input_tokens: tokens.input,
        input_tokens_details: {
          cached_tokens: tokens.cachedInput,
          cache_write_tokens: tokens.cacheWrite,
        },
        output_tokens: tokens.output,
        output_tokens_details: { reasoning_tokens: tokens.reasoning },
        total_tokens: Number(tokens.input) + Number(tokens.output),
      },
    },
  });
  return events;
}

function streamChat(seen: ModelCallSeen, reply: ServerReply): string[] {
  const id = mint('chatcmpl');
  const chunk = (fields: Json) =>
    `data: ${json({ id, object: 'chat.completion.chunk', created: 1, model: `${seen.model}-2026-01-01`, ...fields })}\n\n`;
  const delta = (fields: Json, finish_reason: string | null = null) =>
    chunk({ choices: [{ index: 0, delta: fields, finish_reason }], usage: null });
  const events = [delta({ role: 'assistant', content: '' })];
  for (const content of pieces(reply.text ?? '')) events.push(delta({ content }));
  for (const refusal of pieces(reply.refusal ?? '')) events.push(delta({ refusal }));
  for (const [index, call] of (reply.calls ?? []).entries()) {
    const start = { index, id: call.id ?? mint('call'), type: 'function' };
    events.push(
      delta({ tool_calls: [{ ...start, function: { name: call.name, arguments: '' } }] }),
    );
    for (const text of pieces(argsText(call.args))) {
      events.push(delta({ tool_calls: [{ index, function: { arguments: text } }] }));
    }
  }
  const finish = reply.isCut ? 'length' : reply.calls?.length ? 'tool_calls' : 'stop';
  const tokens = countTokens(seen, reply);
  events.push(delta({}, finish));
  const usage = {
    prompt_tokens: tokens.input,
    completion_tokens: tokens.output,
    total_tokens: Number(tokens.input) + Number(tokens.output),
    prompt_tokens_details: {
      cached_tokens: tokens.cachedInput,
      cache_write_tokens: tokens.cacheWrite,
    },
    completion_tokens_details: { reasoning_tokens: tokens.reasoning },
  };
  const { include_usage: isAsked } = (seen.body.stream_options ?? {}) as Json;
  events.push(
    isAsked === true ? chunk({ choices: [], usage }) : ': no usage\n\n',
    'data: [DONE]\n\n',
  );
  return events;
}

function streamMessages(seen: ModelCallSeen, reply: ServerReply): string[] {
  const events: string[] = [];
  const emit = (type: string, fields: Json) =>
    events.push(`event: ${type}\ndata: ${json({ type, ...fields })}\n\n`);
  const tokens = countTokens(seen, reply);
  // Anthropic counts what was read from and written to the cache beside `input_tokens`.
  const input = {
    input_tokens: minus(tokens.input, tokens.cachedInput, tokens.cacheWrite),
    cache_read_input_tokens: tokens.cachedInput,
    cache_creation_input_tokens: tokens.cacheWrite,
  };
  emit('message_start', {
    message: {
      id: mint('msg'),
      type: 'message',
      role: 'assistant',
      model: `${seen.model}-20260101`,
      content: [],
      stop_reason: null,
      usage: { ...input, output_tokens: 1 },
    },
  });
  emit('ping', {});
  let index = 0;
  const addBlock = (content_block: Json, deltas: readonly Json[]) => {
    emit('content_block_start', { index, content_block });
    for (const delta of deltas) emit('content_block_delta', { index, delta });
    emit('content_block_stop', { index });
    index++;
  };
  if (reply.thought !== undefined) {
    const signature = reply.thought;
    addBlock({ type: 'thinking', thinking: '', signature: '' }, [
      { type: 'thinking_delta', thinking: '' },
      { type: 'signature_delta', signature },
    ]);
  }
  const spoken = reply.text ?? reply.refusal;
  if (spoken !== undefined) {
    const deltas = [...pieces(spoken)].map((text) => ({ type: 'text_delta', text }));
    addBlock({ type: 'text', text: '' }, deltas);
  }
  for (const call of reply.calls ?? []) {
    const deltas = [...pieces(argsText(call.args))].map((partial_json) => {
      return { type: 'input_json_delta', partial_json };
    });
    const id = call.id ?? mint('toolu');
    addBlock({ type: 'tool_use', id, name: call.name, input: {} }, deltas);
  }
  const finish = reply.calls?.length ? 'tool_use' : 'end_turn';
  const stop_reason = reply.isCut ? 'max_tokens' : reply.refusal === undefined ? finish : 'refusal';
  emit('message_delta', {
    delta: { stop_reason, stop_sequence: null },
    usage: {
      ...input,
      output_tokens: tokens.output,
      output_tokens_details: { thinking_tokens: tokens.reasoning },
    },
  });
  emit('message_stop', {});
  return events;
}

function minus(total: unknown, ...parts: unknown[]): unknown {
  if ([total, ...parts].some((each) => typeof each !== 'number')) return total;
  return parts.reduce<number>((rest, part) => rest - Number(part), Number(total));
}
