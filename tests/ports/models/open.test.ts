import assert from 'node:assert/strict';
import { hasKey, openModel } from '../../../core/ports/models/open.ts';
import { type ModelServer, startModelServer } from '../../support/model-server.ts';
import { verifies } from '../../support/verifies.ts';

const code = (expected: string) => (error: unknown) =>
  error instanceof Error && 'code' in error && error.code === expected;

describe('openModel', () => {
  let server: ModelServer | undefined;

  afterEach(() => server?.close());

  it('names the variable to set when there is no key', () => {
    assert.throws(
      () => openModel({ provider: 'openai', model: 'gpt-5-mini' }, {}),
      /OPENAI_API_KEY/,
    );
    assert.throws(
      () => openModel({ provider: 'anthropic', model: 'm', apiKeyEnv: 'MY_KEY' }, { MY_KEY: ' ' }),
      /MY_KEY/,
    );
  });

  it('knows beforehand whether a target can be called', () => {
    assert.equal(hasKey({ provider: 'openai', model: 'm' }, {}), false);
    assert.equal(hasKey({ provider: 'openai', model: 'm' }, { OPENAI_API_KEY: 'k' }), true);
    assert.equal(hasKey({ provider: 'anthropic', model: 'm' }, { OPENAI_API_KEY: 'k' }), false);
    assert.equal(hasKey({ provider: 'scripted', model: 'm' }, {}), true);
    const local = { provider: 'openai-chat', model: 'm', baseUrl: 'http://127.0.0.1:1' } as const;
    assert.equal(hasKey(local, {}), true);
    assert.equal(hasKey({ ...local, apiKeyEnv: 'K' }, {}), false);
  });

  it('refuses a base URL that is none, without showing it', () => {
    const target = { provider: 'openai', model: 'm', baseUrl: 'user:pass@host' } as const;

    assert.throws(() => openModel(target, { OPENAI_API_KEY: 'k' }), code('CONFIG_INVALID'));
    assert.throws(
      () => openModel(target, { OPENAI_API_KEY: 'k' }),
      (error: Error) => !error.message.includes('pass'),
    );
  });

  it('takes the base URL from the environment when the target has none', async () => {
    verifies('R4.compatible-endpoint');
    server = await startModelServer(() => ({ text: 'hello' }));
    const env = { ANTHROPIC_API_KEY: 'k', ANTHROPIC_BASE_URL: server.url };
    const model = openModel({ provider: 'anthropic', model: 'm' }, env);

    await model.call(
      {
        model: 'm',
        instructions: '',
        messages: [{ role: 'user', parts: [{ kind: 'text', text: 'hi' }] }],
        tools: [],
        output: { name: 'o', schema: { type: 'object', properties: {}, required: [] } },
        maxOutputTokens: 10,
      },
      { signal: AbortSignal.timeout(60_000) },
    );

    assert.equal(server.calls.length, 1);
  });
});
