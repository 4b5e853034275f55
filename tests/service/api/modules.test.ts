import assert from 'node:assert/strict';
import { StopStore, type StopView } from '../../../core/engine/authority/stop-store.ts';
import type { ModuleView } from '../../../core/engine/modules/modules.ts';
import { verifies } from '../../support/verifies.ts';
import { json, openApi, problem, type TestApi } from './api.ts';

describe('/v1/modules', () => {
  let api: TestApi;

  before(async () => {
    api = await openApi((_, { database, registry }) => ({
      stops: new StopStore(database.pool('tutti_engine', 1), registry),
    }));
  });
  after(async function () {
    await api.close(this);
  });

  const show = async () => await json<ModuleView>(await api.get('/v1/modules/echo'));
  const turn = async (way: string, body?: object) =>
    await json<ModuleView>(await api.post(`/v1/modules/echo/${way}`, body));

  it('say what a module brings and how its agents did in the last day', async () => {
    const before = await show();
    assert.deepEqual(
      [before.health.loaded, before.health.stoppedBy, before.health.failureRate],
      [true, null, null],
    );
    await api.tutti.engine.whenEnded(await api.start('stumble'));
    await api.tutti.engine.whenEnded(await api.start('chorus', { values: ['x', 'y'] }));

    const { name, version, digest, tools, health } = await show();

    assert.deepEqual([name, version, tools.length], ['echo', '1.0.0', 2]);
    assert.match(digest, /^[0-9a-f]{64}$/);
    assert.deepEqual([health.steps, health.failed, health.failureRate], [4, 1, 0.25]);
    await problem(await api.get('/v1/modules/none'), 404, 'MODULE_UNKNOWN');
  });

  it('are disabled and enabled by the same stop that stops a module', async () => {
    verifies('R12.kill-switch');
    const disabled = await turn('disable', { reason: 'loud' });
    const { items } = await json<{ items: readonly StopView[] }>(await api.get('/v1/stops'));
    const again = await turn('disable');
    const enabled = await turn('enable');
    const still = await turn('enable');

    assert.equal(disabled.health.stoppedBy, 'module:echo');
    assert.deepEqual(
      items.map(({ reach, reason, actor }) => [reach, reason, actor.id]),
      [['module:echo', 'loud', 'local']],
    );
    assert.equal(again.health.stoppedBy, 'module:echo');
    assert.deepEqual([enabled.health.stoppedBy, still.health.stoppedBy], [null, null]);
    await problem(await api.post('/v1/modules/none/disable'), 404, 'MODULE_UNKNOWN');
  });

  it('stay stopped with the tenant when they are enabled', async () => {
    const stop = (method: string) =>
      fetch(`${api.server.url}/v1/stops/tenant`, {
        method,
        ...(method === 'PUT' && {
          headers: { 'content-type': 'application/json' },
          body: '{}',
        }),
      });
    await stop('PUT');

    assert.equal((await turn('enable')).health.stoppedBy, 'tenant');
    assert.equal((await stop('DELETE')).status, 200);
  });
});
