import type { IncomingMessage } from 'node:http';

/** The three wire formats, named as the providers of a model target. */
export type ModelApi = 'openai' | 'openai-chat' | 'anthropic';

type Json = Record<string, unknown>;

/** A request as the server got it, told in one form for the three APIs. */
export interface ModelCallSeen {
  readonly api: ModelApi;
  readonly model: string;
  readonly instructions: string;
  readonly messages: readonly SeenMessage[];
  /** Tools under the names that went over the wire. */
  readonly tools: readonly {
    readonly name: string;
    readonly description: string;
    readonly parameters: unknown;
    readonly strict: boolean;
  }[];
  /** The schema that the answer is held to, if the request has one. */
  readonly output: unknown;
  readonly maxOutputTokens: unknown;
  readonly headers: Readonly<Record<string, string>>;
  /** The body as it came. */
  readonly body: Readonly<Json>;
}

export type SeenMessage =
  | { readonly kind: 'text'; readonly role: string; readonly text: string }
  | { readonly kind: 'call'; readonly id: string; readonly name: string; readonly args: unknown }
  | {
      readonly kind: 'result';
      readonly id: string;
      readonly content: string;
      readonly isError: boolean;
    }
  | { readonly kind: 'echo'; readonly block: unknown };

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

const apiOfPath: Readonly<Record<string, ModelApi>> = {
  '/v1/responses': 'openai',
  '/v1/chat/completions': 'openai-chat',
  '/v1/messages': 'anthropic',
};

/** Reads a request of any of the three APIs; undefined for another route. */
export function readRequest(incoming: IncomingMessage, text: string): ModelCallSeen | undefined {
  const api = apiOfPath[incoming.url?.split('?')[0] ?? ''];
  if (api === undefined) return undefined;
  const body = JSON.parse(text) as Json;
  const headers = Object.fromEntries(
    Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]),
  );
  const common = { api, model: String(body.model), headers, body };
  switch (api) {
    case 'openai':
      return { ...common, ...readResponses(body) };
    case 'openai-chat':
      return { ...common, ...readChat(body) };
    case 'anthropic':
      return { ...common, ...readMessages(body) };
  }
}

type Read = Pick<
  ModelCallSeen,
  'instructions' | 'messages' | 'tools' | 'output' | 'maxOutputTokens'
>;

const list = (value: unknown): Json[] => (Array.isArray(value) ? (value as Json[]) : []);
const object = (value: unknown): Json => (value ?? {}) as Json;

function readResponses(body: Json): Read {
  return {
    instructions: String(body.instructions ?? ''),
    messages: list(body.input).map((item): SeenMessage => {
      const { type, role, content, call_id: id } = item;
      if (type === 'function_call') {
        const args: unknown = JSON.parse(String(item.arguments));
        return { kind: 'call', id: String(id), name: String(item.name), args };
      }
      if (type === 'function_call_output') return readOutput(String(id), String(item.output));
      if (type === 'reasoning') return { kind: 'echo', block: item };
      return { kind: 'text', role: String(role), text: String(content) };
    }),
    tools: list(body.tools).map(readTool),
    output: object(object(body.text).format).schema,
    maxOutputTokens: body.max_output_tokens,
  };
}

function readChat(body: Json): Read {
  const messages = list(body.messages);
  return {
    instructions: String(messages[0]?.content ?? ''),
    messages: messages.slice(1).flatMap((message): SeenMessage[] => {
      const { role, content, tool_call_id: id } = message;
      if (role === 'tool') return [readOutput(String(id), String(content))];
      const text: SeenMessage[] =
        content == null ? [] : [{ kind: 'text', role: String(role), text: String(content) }];
      const calls = list(message.tool_calls).map((call): SeenMessage => {
        const { name, arguments: args } = object(call.function);
        return {
          kind: 'call',
          id: String(call.id),
          name: String(name),
          args: JSON.parse(String(args)),
        };
      });
      return [...text, ...calls];
    }),
    tools: list(body.tools).map(({ function: tool }) => readTool(object(tool))),
    output: object(object(body.response_format).json_schema).schema,
    maxOutputTokens: body.max_tokens ?? body.max_completion_tokens,
  };
}

function readOutput(id: string, output: string): SeenMessage {
  const isError = output.startsWith('Error: ');
  return { kind: 'result', id, content: isError ? output.slice(7) : output, isError };
}

function readTool({ name, description, parameters, input_schema, strict }: Json) {
  return {
    name: String(name),
    description: String(description),
    parameters: parameters ?? input_schema,
    strict: strict === true,
  };
}

function readMessages(body: Json): Read {
  return {
    instructions: list(body.system)
      .map(({ text }) => String(text))
      .join('\n'),
    messages: list(body.messages).flatMap(({ role, content }) =>
      list(content).map((block): SeenMessage => {
        switch (block.type) {
          case 'tool_use':
            return {
              kind: 'call',
              id: String(block.id),
              name: String(block.name),
              args: block.input,
            };
          case 'tool_result':
            return {
              kind: 'result',
              id: String(block.tool_use_id),
              content: String(block.content),
              isError: block.is_error === true,
            };
          case 'text':
            return { kind: 'text', role: String(role), text: String(block.text) };
          default:
            return { kind: 'echo', block };
        }
      }),
    ),
    tools: list(body.tools).map(readTool),
    output: object(object(body.output_config).format).schema,
    maxOutputTokens: body.max_tokens,
  };
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
  const isAsked = object(seen.body.stream_options).include_usage === true;
  events.push(isAsked ? chunk({ choices: [], usage }) : ': no usage\n\n', 'data: [DONE]\n\n');
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
