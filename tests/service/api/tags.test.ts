import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { problem } from './api.ts';

const config = new URL('../../support/fixtures/agents.config.ts', import.meta.url);

describe('a change with a tag', () => {
  let api: ServedApi;
  before(async () => {
    api = await serveHere({ config });
  });
  after(function () {
    return api.close(this);
  });

  const send = (method: string, body?: object): RequestInit => ({
    method,
    headers: {
      ...{ 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      'if-match': '"late"',
    },
    ...(body && { body: JSON.stringify(body) }),
  });

  it('is refused to who may not make it before the tag is looked at, which would tell what there is', async () => {
    verifies('R10.authentication');
    const of = (module: string) => api.key(api.ours, ['module_admin'], { modules: [module] });
    const [hr, desk] = [await of('hr'), await of('desk')];
    const document = { purpose: 'Answers.', instructions: 'Say it.' };
    const grants = 'tools/desk.box.open/grants';
    for (const [path, init] of [
      ['agents/desk.counter', send('PUT', { version: 1, document })],
      ['agents/desk.counter', send('DELETE')],
      ['settings/budget:module:desk', send('PUT', { value: 1 })],
      ['settings/budget:module:desk', send('DELETE')],
      ['stops/module:desk', send('PUT', {})],
      ['stops/module:desk', send('DELETE')],
      [grants, send('POST', { agent: 'desk.counter' })],
      [`${grants}?agent=desk.counter`, send('DELETE')],
    ] as const) {
      const refused = await api.ask(`/v1/${path}`, hr, init);
      assert.equal(refused.status, 403, `${init.method} ${path}`);
      await problem(refused, 403, 'PERMISSION_DENIED');
    }

    const late = await api.ask('/v1/settings/budget:module:desk', desk, send('PUT', { value: 1 }));
    await problem(late, 412, 'PRECONDITION_FAILED');
  });
});
