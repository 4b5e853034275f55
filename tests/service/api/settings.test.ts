import assert from 'node:assert/strict';
import { SettingStore, type SettingView } from '../../../core/engine/recovery/setting-store.ts';
import type { FailureStatistics } from '../../../core/engine/recovery/statistics.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/echo.config.ts', import.meta.url);
const rules = [{ ways: [{ strategy: 'escalate', to: 'role:controller' }, { strategy: 'skip' }] }];

describe('what follows failures, over HTTP', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const { history, engine, host } = tutti;
    const settings = new SettingStore(host.database, host);
    const parts = { history, engine, registry: host.registry, tenantId, settings };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${server.url}${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });

  it('settings are listed, set, shown and taken back', async () => {
    verifies('R8.strategy-change');
    const name = 'recovery:echo.fail';
    const { items } = await json<{ items: readonly SettingView[] }>(
      await ask('GET', '/v1/settings'),
    );
    assert.deepEqual(
      items.map((each) => each.name),
      [
        ...['breaker', 'recovery:echo.say', 'recovery:echo.hold', name],
        ...['budget:tenant', 'budget:module:echo'],
        ...['chorus', 'pause', 'stumble'].map((workflow) => `budget:workflow:${workflow}`),
        ...['autonomy', 'shadow', 'access'],
      ],
    );

    const set = await json<SettingView>(await ask('PUT', `/v1/settings/${name}`, { value: rules }));
    const shown = await json<SettingView>(await ask('GET', `/v1/settings/${name}`));
    const reset = await json<SettingView>(await ask('DELETE', `/v1/settings/${name}`));

    assert.deepEqual([set.source, set.value, set.actor?.id], ['setting', rules, 'local']);
    assert.deepEqual(shown, set);
    assert.equal(reset.source, 'default');
  });

  it('settings are refused with the place of what is wrong', async () => {
    const wrong = [{ ways: [{ strategy: 'reassign', to: 'echo.say' }] }];
    const { errors } = await problem(
      await ask('PUT', '/v1/settings/recovery:echo.fail', { value: wrong }),
      400,
      'INPUT_INVALID',
    );
    assert.equal(errors?.[0]?.pointer, '/0/ways/0/to');
    for (const body of [{}, { value: null }, { values: [] }, []])
      await problem(await ask('PUT', '/v1/settings/breaker', body), 400, 'INPUT_INVALID');
    await problem(await ask('GET', '/v1/settings/colour'), 404, 'SETTING_UNKNOWN');
    await problem(await ask('PUT', '/v1/settings/x', { value: 1 }), 404, 'SETTING_UNKNOWN');
  });

  it('errors are counted over the days that are asked for', async () => {
    verifies('R8.statistics');
    assert.equal((await tutti.run('stumble', { tenantId })).status, 'partial');

    const statistics = await json<FailureStatistics>(await ask('GET', '/v1/errors?days=1'));

    assert.deepEqual([statistics.days, statistics.attempts, statistics.steps], [1, 1, 1]);
    const [code] = statistics.byCode;
    assert.deepEqual([code?.name, code?.category], ['OUTPUT_INVALID', 'AGENT_ERROR']);
    assert.equal(statistics.byAgent[0]?.name, 'echo.fail');
    for (const days of ['0', '366', 'x', '1&more=1'])
      await problem(await ask('GET', `/v1/errors?days=${days}`), 400, 'INPUT_INVALID');
  });
});
