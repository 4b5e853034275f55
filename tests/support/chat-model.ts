import type { CallbackManagerForLLMRun } from '@langchain/core/callbacks/manager';
import { BaseChatModel } from '@langchain/core/language_models/chat_models';
import { AIMessage, AIMessageChunk, type BaseMessage } from '@langchain/core/messages';
import { ChatGenerationChunk, type ChatResult } from '@langchain/core/outputs';

/** What one chunk holds. */
export interface ChatChunk {
  readonly content: string | readonly object[];
  readonly id?: string;
  readonly tool_call_chunks?: readonly object[];
  readonly usage_metadata?: object;
  readonly response_metadata?: object;
  readonly additional_kwargs?: object;
}

/** One reply: its chunks, or what it throws. A text is a reply of one chunk. */
export type ChatReply = string | Error | readonly ChatChunk[];

/** What a scripted chat model was asked. */
export interface ChatAsked {
  readonly messages: readonly BaseMessage[];
  /** As they were bound. */
  readonly tools: readonly { readonly name: string; readonly schema: unknown }[];
  readonly signal: AbortSignal | undefined;
}

type Script = (asked: ChatAsked, index: number) => ChatReply | Promise<ChatReply>;
type Tools = ChatAsked['tools'];

/** A chat model of LangChain's own base class, whose replies come from a script. */
export class ScriptedChat extends BaseChatModel {
  readonly asked: ChatAsked[] = [];
  readonly #script: Script;

  constructor(script: Script | readonly ChatReply[]) {
    super({});
    this.#script =
      typeof script === 'function' ? script : (_, index) => script[index] ?? new Error('no reply');
  }

  override _llmType(): string {
    return 'scripted-chat';
  }

  override bindTools(tools: unknown[]): ReturnType<NonNullable<BaseChatModel['bindTools']>> {
    return this.withConfig({ tools } as object);
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
    manager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for (const fields of await this.#reply(messages, options)) {
      const text = typeof fields.content === 'string' ? fields.content : '';
      await manager?.handleLLMNewToken(text);
      yield new ChatGenerationChunk({ text, message: new AIMessageChunk(fields as object) });
    }
  }

  override async _generate(
    messages: BaseMessage[],
    options: this['ParsedCallOptions'],
  ): Promise<ChatResult> {
    const [first] = await this.#reply(messages, options);
    const message = new AIMessage(first as object);
    return { generations: [{ text: message.text, message }] };
  }

  async #reply(messages: BaseMessage[], options: object): Promise<readonly ChatChunk[]> {
    const { tools = [], signal } = options as { tools?: Tools; signal?: AbortSignal };
    const asked = { messages, tools, signal };
    const index = this.asked.push(asked) - 1;
    const aborted = Promise.withResolvers<never>();
    signal?.addEventListener('abort', () => aborted.reject(signal.reason), { once: true });
    const asking = Promise.resolve(this.#script(asked, index));
    const reply = await Promise.race([asking, aborted.promise]);
    if (reply instanceof Error) throw reply;
    return typeof reply === 'string' ? [{ content: reply }] : reply;
  }
}

/** A reply that calls tools, in the pieces that providers send. */
export function calling(
  ...calls: readonly (readonly [name: string, args: unknown])[]
): readonly ChatChunk[] {
  const pieces = calls.flatMap(([name, args], index) => {
    const json = typeof args === 'string' ? args : JSON.stringify(args);
    const half = Math.ceil(json.length / 2);
    return [
      { name, args: json.slice(0, half), id: `call-${index}`, index },
      { args: json.slice(half), index },
    ];
  });
  return pieces.map((piece) => ({
    content: '',
    tool_call_chunks: [{ ...piece, type: 'tool_call_chunk' as const }],
  }));
}
