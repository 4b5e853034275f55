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
