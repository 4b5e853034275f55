import assert from 'node:assert/strict';
import { type HookApi, openHookApi } from '../../support/hook-api.ts';
import { hookSecrets } from '../../support/hook-lab.ts';
import { verifies } from '../../support/verifies.ts';
import { problem } from '../api/api.ts';

const { ODOO_TOKEN: token } = hookSecrets;
const json = { 'content-type': 'application/json' };

describe('hooks and ERP events by key', () => {
  let api: HookApi;

  before(async () => {
    api = await openHookApi();
  });

  after(function () {
    return api.close(this);
  });

  it('are shown, paused and replayed for a key within its modules and in all companies', async () => {
    verifies('R12.rbac');
    const { lab, server } = api;
    const { id } = await lab.write(null, {});
    await api.post(
      `/v1/hooks/odoo?token=${token}`,
      `{"_id":${id},"_model":"helpdesk.ticket","_action":"a"}`,
    );
    await lab.settle();
    const [own, other, part] = await Promise.all([
      api.key(['operator'], { modules: ['desk'] }),
      api.key(['operator'], { modules: ['hr'] }),
      api.key(['operator'], { companies: ['DE01'] }),
    ]);
    const ask = (path: string, key: string, body?: object) =>
      fetch(server.url + path, {
        headers: { ...json, authorization: `Bearer ${key}` },
        ...(body && { method: 'POST', body: JSON.stringify(body) }),
      });
    const list = async (key: string) => {
      const listed = (await (await ask('/v1/erp-events', key)).json()) as {
        readonly items: readonly { readonly id: string }[];
      };
      return listed.items.map((each) => each.id);
    };
    const [event = ''] = await list(own);
    const path = `/v1/erp-events/${event}`;
    const before = (await lab.runs()).length;

    assert.deepEqual(await list(other), []);
    await problem(await ask(path, other), 403, 'PERMISSION_DENIED');
    for (const body of [{}, { hook: 'desk.changed' }]) {
      await problem(await ask(`${path}/replay`, other, body), 403, 'PERMISSION_DENIED');
      await problem(await ask(`${path}/replay`, part, body), 403, 'PERMISSION_DENIED');
    }
    await problem(await ask('/v1/hooks/desk.changed/pause', part, {}), 403, 'PERMISSION_DENIED');
    await problem(await ask('/v1/hooks/desk.changed/resume', part, {}), 403, 'PERMISSION_DENIED');
    await lab.settle();
    assert.equal((await lab.runs()).length, before);
    assert.equal((await ask(path, own)).status, 200);
    assert.equal((await ask(`${path}/replay`, own, { hook: 'desk.changed' })).status, 200);
    await lab.settle();
    assert.equal((await lab.runs()).length, before + 1);
  });
});
