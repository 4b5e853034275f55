import assert from 'node:assert/strict';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

describe('an agent on a LangChain chat model, real threads', () => {
  let lab: TestEngine;

  before(async () => {
    lab = await openTestEngine(new URL('../support/fixtures/langchain.config.ts', import.meta.url));
  });
  after(function () {
    return lab.close(this);
  });

  it('calls its tools through the guard, and is charged what the package counts', async () => {
    verifies('R4.own-provider');
    const tenantId = await lab.host.store.tenant('chat');

    const { id, status } = await lab.run('lab.look', { tenantId, input: { name: 'seven77' } });

    const entries = await lab.history.entries(tenantId, id, 0);
    const kinds = entries.map(({ kind }) => kind);
    const turns = entries.filter(({ kind }) => kind === 'turn.ended');
    assert.equal(status, 'succeeded', JSON.stringify(entries.at(-1)));
    assert.deepEqual(await lab.history.output(tenantId, id), { number: 7 });
    assert.match(JSON.stringify(turns[1]), /"output":2/);
    assert.ok(kinds.includes('tool.called'), kinds.join());
  });
});
