import { newId } from '../../core/base/ids.ts';
import type { ModelReply, Part } from '../../core/ports/models/model.ts';
import { textOf } from './history.ts';

type ToolCall = Extract<Part, { kind: 'call' }>;

/** What happens while a question is answered. */
export type Happening =
  | { readonly kind: 'asking' }
  | { readonly kind: 'delta'; readonly text: string }
  | { readonly kind: 'reply'; readonly reply: ModelReply }
  | { readonly kind: 'calling'; readonly call: ToolCall }
  | { readonly kind: 'called'; readonly call: ToolCall; readonly content: string };

/** A call of a tool, with what came back. */
export interface AgentStep {
  readonly action: { readonly tool: string; readonly toolInput: unknown; readonly log: string };
  readonly observation: string;
}

/** What happens, in the words of LangChain's `streamEvents`. */
export interface StreamEvent {
  readonly event: string;
  readonly name: string;
  readonly run_id: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** Calls of one answer run at once; their steps come in the order in which the model asked. */
export class Steps {
  #asked: { readonly call: ToolCall; step: AgentStep | null }[] = [];

  /** The steps that are known with it. */
  after(happening: Happening): readonly AgentStep[] {
    if (happening.kind === 'calling') this.#asked.push({ call: happening.call, step: null });
    if (happening.kind !== 'called') return [];
    const { call, content } = happening;
    const asked = this.#asked.find((each) => each.call === call);
    if (asked) asked.step = toStep(call, content);
    const open = this.#asked.findIndex(({ step }) => step === null);
    const ready = this.#asked.splice(0, open === -1 ? this.#asked.length : open);
    return ready.flatMap(({ step }) => step ?? []);
  }
}

function toStep(call: ToolCall, observation: string): AgentStep {
  const { name: tool, args: toolInput } = call;
  return { action: { tool, toolInput, log: `Calling tool ${tool}` }, observation };
}

/** Makes the events of one question; each model call has an id of its own, as has each call of a tool. */
export class Events {
  readonly #model: string;
  readonly #ids = new Map<string, string>();
  #turn = newId();

  constructor(model: string) {
    this.#model = model;
  }

  of(happening: Happening): StreamEvent {
    switch (happening.kind) {
      case 'asking':
        this.#turn = newId();
        return event('on_chat_model_start', this.#asker, {});
      case 'delta': {
        const { text } = happening;
        return event('on_chat_model_stream', this.#asker, { chunk: { content: text, text } });
      }
      case 'reply':
        return event('on_chat_model_end', this.#asker, { output: outputOf(happening.reply) });
      case 'calling': {
        const { id, name, args } = happening.call;
        this.#ids.set(id, newId());
        return event('on_tool_start', this.#tool(id, name), { input: args });
      }
      case 'called': {
        const { id, name } = happening.call;
        const output = { type: 'tool', content: happening.content, tool_call_id: id, name };
        return event('on_tool_end', this.#tool(id, name), { output });
      }
    }
  }

  get #asker() {
    return { name: this.#model, id: this.#turn };
  }

  #tool(id: string, name: string) {
    return { name, id: this.#ids.get(id) ?? '' };
  }
}

/** An event of the question as a whole. */
export function chainEvent(
  kind: 'start' | 'end',
  id: string,
  data: Readonly<Record<string, unknown>>,
): StreamEvent {
  return event(`on_chain_${kind}`, { name: 'MCPAgent', id }, data);
}

function event(
  kind: string,
  { name, id }: { readonly name: string; readonly id: string },
  data: StreamEvent['data'],
): StreamEvent {
  return { event: kind, name, run_id: id, data, tags: [], metadata: {} };
}

function outputOf({ parts, usage }: ModelReply): object {
  const calls = parts.flatMap((part) => (part.kind === 'call' ? [part] : []));
  return {
    type: 'ai',
    content: textOf(parts),
    tool_calls: calls.map(({ id, name, args }) => ({ id, name, args })),
    usage_metadata: {
      input_tokens: usage.input,
      output_tokens: usage.output,
      total_tokens: usage.input + usage.output,
    },
  };
}
