import assert from 'node:assert/strict';
import { z } from 'zod';
import { type EngineError, isEngineError } from '../../../core/base/errors.ts';
import { toJsonSchema } from '../../../core/ports/models/json-schema.ts';
import type {
  Model,
  ModelDeadlines,
  ModelReply,
  ModelRequest,
} from '../../../core/ports/models/model.ts';
import { openModel } from '../../../core/ports/models/open.ts';
import {
  type ModelCallSeen,
  type ModelHandler,
  type ModelServer,
  type ServerAnswer,
  type ServerFault,
  startModelServer,
} from '../../support/model-server.ts';

/** The providers whose adapters keep one contract. */
export const providers = ['openai', 'openai-chat', 'anthropic'] as const;

/** The key that every call carries, and that nothing may repeat. */
export const key = 'sk-test-0123456789abcdef';

/** The schema of the final answer. */
export const verdict = toJsonSchema(z.object({ verdict: z.enum(['matched', 'price']) }), 'input');

/** A tool whose parameters a provider can enforce. */
export const hold = {
  name: 'finance.hold.place',
  description: 'Blocks a bill.',
  parameters: toJsonSchema(z.object({ bill: z.string().min(1).max(200) }), 'input'),
};

/** A request for a verdict on one bill. */
export function aRequest(changes: Partial<ModelRequest> = {}): ModelRequest {
  return {
    model: 'test-model',
    instructions: 'Match the bill.',
    messages: [{ role: 'user', parts: [{ kind: 'text', text: 'Bill BILL-0042 of vendor ACME' }] }],
    tools: [],
    output: { name: 'finance.verdict', schema: verdict },
    maxOutputTokens: 500,
    ...changes,
  };
}

/** What a reply says. */
export const texts = ({ parts }: ModelReply) =>
  parts.flatMap((part) => (part.kind === 'text' ? [part.text] : []));

/** What a call failed with; a call that succeeds is the failure of the test. */
export async function failureOf(call: Promise<unknown>): Promise<EngineError> {
  const error = await call.then(
    () => assert.fail('the call succeeded'),
    (thrown: unknown) => thrown,
  );
  assert.ok(isEngineError(error), String(error));
  return error;
}

interface AskOptions extends ModelDeadlines {
  readonly request?: ModelRequest;
  readonly signal?: AbortSignal;
}

/** One adapter with the server that it calls; each test has its own server, closed after it. */
export interface Adapter {
  /** Starts the server and opens a model on it. */
  readonly open: (answer: ServerAnswer | ModelHandler) => Promise<Model>;
  /** Opens and calls once. */
  readonly ask: (answer: ServerAnswer | ModelHandler, options?: AskOptions) => Promise<ModelReply>;
  /** What a call fails with whose answer has this fault. */
  readonly fail: (fault: ServerFault, deadlines?: ModelDeadlines) => Promise<EngineError>;
  readonly server: () => ModelServer;
  /** The last call as the server got it. */
  readonly seen: () => ModelCallSeen;
}

/** Sets an adapter up for the tests of the `describe` that calls this. */
export function useAdapter(provider: (typeof providers)[number]): Adapter {
  let running: ModelServer | undefined;

  afterEach(async () => {
    await running?.close();
    running = undefined;
  });

  const server = () => running ?? assert.fail('no server was started');
  const open: Adapter['open'] = async (answer) => {
    running = await startModelServer(typeof answer === 'function' ? answer : () => answer);
    return openModel(
      { provider, model: 'test-model', baseUrl: running.baseUrl(provider), apiKeyEnv: 'TEST_KEY' },
      { TEST_KEY: key },
    );
  };
  const ask: Adapter['ask'] = async (answer, options = {}) => {
    const { request = aRequest(), signal = AbortSignal.timeout(60_000), ...deadlines } = options;
    const model = await open(answer);
    return await model.call(request, { signal, ...deadlines });
  };
  return {
    open,
    ask,
    fail: (fault, deadlines) => failureOf(ask({ text: '{"verdict":"matched"}', fault }, deadlines)),
    server,
    seen: () => server().calls.at(-1) ?? assert.fail('the server saw no call'),
  };
}
