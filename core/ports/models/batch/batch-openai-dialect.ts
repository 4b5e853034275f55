import { z } from 'zod';
import type { Connection } from '../connection.ts';
import type { ModelReply, ModelRequest } from '../model.ts';
import { collectChat, toChatRequest } from '../openai-chat.ts';
import { collectResponse, toResponsesRequest } from '../openai-responses.ts';
import { parseReply } from '../reply-parts.ts';

/** How the requests of a batch are written and its replies read, for one of OpenAI's two APIs. */
export interface OpenAiDialect {
  readonly endpoint: '/v1/responses' | '/v1/chat/completions';
  readonly toBody: (request: ModelRequest) => Readonly<Record<string, unknown>>;
  /** @throws MODEL_REPLY_INVALID, or the failure that the reply tells of */
  readonly fromBody: (body: unknown, request: ModelRequest) => ModelReply;
}

/** Both read a whole reply as the direct adapters read a streamed one, by the same code: as if it came in one event. */
export function dialectOf(api: 'openai' | 'openai-chat', { baseUrl }: Connection): OpenAiDialect {
  if (api === 'openai') {
    return {
      endpoint: '/v1/responses',
      toBody: (request) => {
        const { stream: _, ...body } = toResponsesRequest(request);
        return body;
      },
      fromBody: fromResponseBody,
    };
  }
  const isOpenAi = isOpenAiHost(baseUrl);
  return {
    endpoint: '/v1/chat/completions',
    toBody: (request) => {
      const { stream: _, stream_options: __, ...body } = toChatRequest(request, isOpenAi);
      return body;
    },
    fromBody: fromChatBody,
  };
}

/** Whether a base URL is OpenAI's own, by Azure or not, and no server that only speaks alike. */
export function isOpenAiHost(baseUrl: string): boolean {
  return /(^|\.)(openai|azure)\.com$/.test(new URL(baseUrl).hostname);
}

function fromResponseBody(body: unknown, request: ModelRequest): ModelReply {
  const { status } = parseReply(z.object({ status: z.string() }), body);
  const collector = collectResponse(request, undefined);
  collector.take({ type: `response.${status}`, response: body });
  return collector.finish();
}

const completionSchema = z.looseObject({
  choices: z.array(
    z.looseObject({
      finish_reason: z.string().nullish(),
      message: z.looseObject({ tool_calls: z.array(z.looseObject({})).nullish() }),
    }),
  ),
});

function fromChatBody(body: unknown, request: ModelRequest): ModelReply {
  const completion = parseReply(completionSchema, body);
  const collector = collectChat(request, undefined);
  const choices = completion.choices.map(({ finish_reason, message }) => {
    const tool_calls = message.tool_calls?.map((call, index) => ({ ...call, index }));
    return { finish_reason, delta: { ...message, tool_calls } };
  });
  collector.take({ ...completion, choices });
  return collector.finish();
}
