import { systemClock } from '../../../base/clock.ts';
import { EngineError } from '../../../base/errors.ts';
import { CallWatch } from '../call-watch.ts';
import type { Model, ModelReply, ModelRequest } from '../model.ts';
import { runWatched } from '../watched-fetch.ts';
import { toLangChainError } from './langchain-fault.ts';
import { echoProvider, toLangChainMessages, toLangChainTools } from './langchain-messages.ts';
import { LangChainReply } from './langchain-reply.ts';

/** What answers a conversation in LangChain: a chat model, or one that tools are bound to. */
export interface LangChainRunnable {
  // biome-ignore lint/suspicious/noExplicitAny: each package of LangChain has types of its own for messages; what comes is parsed
  stream(messages: any, options?: any): Promise<AsyncIterable<unknown>>;
}

/** What is used of LangChain's `BaseChatModel`, of any of its versions since 0.3. */
export interface LangChainChatModel extends LangChainRunnable {
  /** Missing where the model calls no tools. */
  // biome-ignore lint/suspicious/noExplicitAny: as above
  bindTools?(tools: any[]): LangChainRunnable;
  /** Its provider, as it calls itself. */
  _llmType?(): string;
}

type CallOptions = Parameters<Model['call']>[1];

/**
 * A LangChain chat model as a model of Tutti, for `providers` of the configuration:
 *
 *     providers: {
 *       mine: ({ model, maxOutputTokens }) =>
 *         langchainModel(new ChatGroq({ model, maxTokens: maxOutputTokens ?? 4096, maxRetries: 0 })),
 *     }
 *
 * Set the chat model's own limit of output tokens to the profile's (4096 unless it says another), which budgets rest on, and its
 * retries to 0: they are the engine's. The form of an answer is asked for in words. LangChain shows chunks, not bytes, so silence is
 * bounded by `totalMs` alone where a profile's deadlines say nothing else.
 */
export function langchainModel(chatModel: LangChainChatModel): Model {
  const provider = chatModel._llmType?.() ?? 'langchain';
  return {
    provider,
    call: (request, options) => callChatModel({ chatModel, provider, request, options }),
  };
}

interface Call {
  readonly chatModel: LangChainChatModel;
  readonly provider: string;
  readonly request: ModelRequest;
  readonly options: CallOptions;
}

async function callChatModel(call: Call): Promise<ModelReply> {
  const { request, options, provider } = call;
  const { totalMs = 300_000, firstByteMs = totalMs, idleMs = totalMs } = options;
  using watch = new CallWatch({ ...options, totalMs, firstByteMs, idleMs }, systemClock);
  const reply = new LangChainReply(request, echoProvider(provider));
  try {
    await runWatched(watch, () => gather(call, watch, reply));
    return reply.finish();
  } catch (thrown) {
    throw watch.failure ?? toLangChainError(thrown, { provider, request });
  }
}

async function gather(
  { chatModel, provider, request, options }: Call,
  watch: CallWatch,
  reply: LangChainReply,
): Promise<void> {
  watch.signal.throwIfAborted();
  const messages = toLangChainMessages(request, echoProvider(provider));
  const runnable = withTools(chatModel, request);
  const chunks = await runnable.stream(messages, { signal: watch.signal });
  let isHeard = false;
  for await (const chunk of chunks) {
    if (!isHeard) watch.hear({ status: 200, headers: new Headers() }, false);
    isHeard = true;
    const { text, sizeBytes } = reply.take(chunk);
    watch.count(sizeBytes);
    if (text !== '') options.onDelta?.(text);
  }
}

function withTools(chatModel: LangChainChatModel, request: ModelRequest): LangChainRunnable {
  if (request.tools.length === 0) return chatModel;
  if (chatModel.bindTools) return chatModel.bindTools(toLangChainTools(request.tools));
  throw new EngineError(
    'MODEL_REFUSED',
    `The LangChain chat model behind ${request.model} cannot call tools: it has no bindTools; take one that has.`,
  );
}
