import assert from 'node:assert/strict';
import { StopStore, type StopView } from '../../../core/engine/authority/stop-store.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);

describe('authority over HTTP', () => {
  let tutti: TestEngine;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    const { history, engine, host } = tutti;
    const tenantId = await host.store.tenant('ours');
    const stops = new StopStore(host.database.pool('tutti_engine', 1), host.registry);
    const level = { agent: 'a.b', tool: 'a.c', company: null, autonomy: 'act', by: 'default' };
    const authority = { levels: async () => [level] as never, shadow: async () => [] };
    const parts = { history, engine, registry: host.registry, tenantId, stops, authority };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${server.url}/v1${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });

  it('says what agents may do, and would have done', async () => {
    const levels = await json<{ items: readonly unknown[] }>(await ask('GET', '/autonomy'));
    const shadow = await json<{ items: readonly unknown[] }>(await ask('GET', '/shadow?limit=5'));

    assert.equal(levels.items.length, 1);
    assert.deepEqual(shadow, { items: [], next: null });
    await problem(await ask('GET', '/shadow?run=x'), 400, 'INPUT_INVALID');
  });

  it('stops, lists and lifts', async () => {
    verifies('R12.kill-switch');
    const set = await json<StopView>(await ask('PUT', '/stops/module:echo', { reason: 'loud' }));
    const listed = await json<{ items: readonly StopView[] }>(await ask('GET', '/stops'));
    const lifted = await json<StopView>(await ask('DELETE', '/stops/module:echo'));

    assert.deepEqual([set.reach, set.reason, set.actor.id], ['module:echo', 'loud', 'local']);
    assert.deepEqual(listed.items, [set]);
    assert.equal(lifted.liftedBy?.id, 'local');
    await problem(await ask('DELETE', '/stops/module:echo'), 404, 'STOP_UNKNOWN');
    await problem(await ask('PUT', '/stops/module:nothing', {}), 400, 'INPUT_INVALID');
  });
});
