import assert from 'node:assert/strict';
import { SettingStore } from '../../../core/engine/recovery/setting-store.ts';
import type { ToolDetail, ToolView } from '../../../core/engine/tools/tool-view.ts';
import { Tools } from '../../../core/engine/tools/tools.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/tools.config.ts', import.meta.url);

describe('tools over HTTP', () => {
  let vault: TestEngine;
  let server: Listening;

  before(async () => {
    vault = await openTestEngine(config);
    const { history, engine, host } = vault;
    const tenantId = await host.store.tenant('ours');
    const tools = new Tools(host.database, new SettingStore(host.database, host), host);
    const parts = { history, engine, registry: host.registry, tenantId, tools };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await vault.close(this);
  });

  const ask = (method: string, path: string, body?: unknown) =>
    fetch(`${server.url}/v1/tools${path}`, {
      method,
      ...(body !== undefined && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });

  it('are listed, and shown with their schemas and callers', async () => {
    verifies('R5.tool-category', 'R5.declare-tool');
    const { items } = await json<{ items: readonly ToolView[] }>(await ask('GET', ''));
    const shown = await json<ToolDetail>(await ask('GET', '/vault.box.open?days=1'));

    assert.equal(items.length, 5);
    assert.deepEqual([shown.access, shown.effect, shown.category], ['restricted', 'read', 'bank']);
    assert.deepEqual(shown.callers, [{ agent: 'desk.clerk', by: 'nobody' }]);
    assert.equal((shown.result as { type: string }).type, 'object');
    await problem(await ask('GET', '/vault.box.eat'), 404, 'TOOL_UNKNOWN');
    await problem(await ask('GET', '?days=0'), 400, 'INPUT_INVALID');
  });

  it('are given to agents and roles, and taken back', async () => {
    verifies('R5.tool-access');
    const grants = '/vault.box.open/grants';
    const given = await json<ToolDetail>(await ask('POST', grants, { agent: 'desk.clerk' }));
    const toRole = await json<ToolDetail>(await ask('POST', grants, { role: 'auditor' }));
    const taken = await json<ToolDetail>(await ask('DELETE', `${grants}?agent=desk.clerk`));

    assert.deepEqual(given.callers, [{ agent: 'desk.clerk', by: 'grant' }]);
    assert.equal(toRole.grants.length, 2);
    assert.deepEqual(taken.callers, [{ agent: 'desk.clerk', by: 'role' }]);
    await problem(await ask('DELETE', `${grants}?agent=desk.clerk`), 400, 'INPUT_INVALID');
    await problem(await ask('POST', grants, { agent: 'a', role: 'b' }), 400, 'INPUT_INVALID');
    await problem(await ask('POST', grants, { role: 'nobody' }), 400, 'INPUT_INVALID');
  });
});
