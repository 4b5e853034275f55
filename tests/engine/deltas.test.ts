import assert from 'node:assert/strict';
import type { Delta } from '../../core/engine/loop/attempts.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { verifies } from '../support/verifies.ts';

const answer = JSON.stringify({ text: 'three small words' });

describe('what models say while they say it', () => {
  let server: Awaited<ReturnType<typeof startModelServer>>;
  let lab: TestEngine;
  let tenantId: number;

  before(async () => {
    server = await startModelServer(() => ({ text: answer }));
    process.env.OPENAI_BASE_URL = server.baseUrl('openai');
    process.env.OPENAI_API_KEY = 'sk-test';
    lab = await openTestEngine(new URL('../support/fixtures/talk.config.ts', import.meta.url), {
      env: process.env,
    });
    tenantId = await lab.host.store.tenant('talk');
  });
  after(async function () {
    delete process.env.OPENAI_BASE_URL;
    delete process.env.OPENAI_API_KEY;
    await lab.close(this);
    await server.close();
  });

  it('reaches who watches, in pieces that make up the reply, and nobody else', async () => {
    verifies('R4.streaming');
    const heard: Delta[] = [];
    const unlisten = lab.engine.onDelta((delta) => heard.push(delta));

    const watched = await lab.run('talk', { tenantId });
    unlisten();
    const count = heard.length;
    const unwatched = await lab.run('talk', { tenantId });

    assert.deepEqual([watched.status, unwatched.status], ['succeeded', 'succeeded']);
    assert.ok(count > 1, `${count} pieces`);
    assert.equal(heard.length, count);
    assert.deepEqual(
      [...new Set(heard.map(({ runId, step }) => `${runId} ${step}`))],
      [`${watched.id} say`],
    );
    assert.equal(heard.map(({ text }) => text).join(''), answer);
  });
});
