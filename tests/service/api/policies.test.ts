import assert from 'node:assert/strict';
import type { Checked, PolicyVersions } from '../../../core/engine/policies/policies.ts';
import type { Said } from '../../../core/engine/policies/speaking.ts';
import { verifies } from '../../support/verifies.ts';
import { type ServedApi, serveHere } from '../identity/served.ts';
import { json, problem } from './api.ts';

describe('/v1/policies', () => {
  let served: ServedApi;
  let anna: string;
  let ben: string;

  before(async () => {
    const config = new URL('../../support/fixtures/authority.config.ts', import.meta.url);
    served = await serveHere({ config });
    anna = await served.key(served.ours, ['tenant_admin'], { person: 'anna' });
    ben = await served.key(served.ours, ['tenant_admin'], { person: 'ben' });
  });
  after(function () {
    return served.close(this);
  });

  const get = (path: string, key = anna) => served.ask(`/v1/policies${path}`, key);
  const post = (path: string, key: string, body?: object) => send(path, key, { body });
  const send = (
    path: string,
    key: string,
    { body, tag }: { readonly body?: object | undefined; readonly tag?: string },
  ) =>
    served.ask(`/v1/policies${path}`, key, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        ...(tag !== undefined && { 'if-match': tag }),
      },
      ...(body && { body: JSON.stringify(body) }),
    });
  const cabinet = (autonomy: string) => ({
    name: 'cabinet',
    grants: [{ agents: ['cabinet.*'], tools: ['cabinet.*'], autonomy }],
  });

  it('are drafted, looked at beforehand, published, and rolled back by two', async () => {
    verifies('R12.policy');
    const yaml =
      'name: cabinet\ngrants:\n  - { agents: [cabinet.*], tools: [cabinet.*], autonomy: propose }\n';
    const checked = await json<Checked>(await post('/cabinet/check', anna, { document: yaml }));
    const drafted = await post('/cabinet/versions', anna, { document: yaml });
    const same = await json<{ isNew: boolean }>(
      await post('/cabinet/versions', ben, { document: cabinet('propose') }),
    );
    const published = await json<Said>(await post('/cabinet/publish', anna, {}));
    const asked = await json<Said>(await post('/cabinet/withdraw', anna, {}));
    const own = await post(`/cabinet/asks/${asked.ask}/agree`, anna);
    const agreed = await json<Said>(await post(`/cabinet/asks/${asked.ask}/agree`, ben));
    const versions = await json<PolicyVersions>(await get('/cabinet/versions'));

    assert.equal(checked.fault, null);
    assert.ok(checked.calls.every(({ direction }) => direction === 'stricter'));
    assert.deepEqual(
      [drafted.status, drafted.headers.get('location')],
      [201, '/v1/policies/cabinet?version=1'],
    );
    assert.deepEqual(
      [same.isNew, published.state, asked.state, agreed.state],
      [false, 'in_force', 'asked', 'in_force'],
    );
    await problem(own, 403, 'APPROVAL_NOT_YOURS');
    assert.deepEqual([versions.takes, versions.version, versions.asks], ['code', null, []]);
  });

  it('are widened by nobody alone, not by a key that they make for somebody else either', async () => {
    verifies('R12.policy');
    const request = { name: 'second', roles: ['module_admin'], person: 'carl' };
    const made = await served.ask('/v1/keys', anna, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(request),
    });
    const { secret = '' } = await json<{ readonly secret?: string }>(made.clone());
    const grants = [{ agents: ['cabinet.opener'], tools: ['alone.*'], autonomy: 'act' }];
    await post('/alone/versions', anna, { document: { name: 'alone', grants } });
    const { ask, state } = await json<Said>(await post('/alone/publish', anna, {}));

    assert.equal(state, 'asked');
    const agreed = await post(`/alone/asks/${ask}/agree`, secret);
    assert.equal(agreed.status, 401, await agreed.text());
    await problem(made, 403, 'PERMISSION_DENIED');
  });

  it('are for those who may touch everything, and agreed to by persons', async () => {
    verifies('R12.policy', 'R12.rbac');
    const viewer = await served.key(served.ours, ['viewer'], { person: 'carl' });
    const bounded = await served.key(served.ours, ['module_admin'], {
      person: 'dora',
      modules: ['cabinet'],
    });
    const nobody = await served.key(served.ours, ['tenant_admin']);
    const other = await served.key(served.ours, ['tenant_admin'], { person: 'anna' });
    const document = {
      name: 'wide',
      grants: [{ agents: ['cabinet.opener'], tools: ['later.*'], autonomy: 'act' }],
    };

    await problem(await post('/wide/versions', viewer, { document }), 403, 'PERMISSION_DENIED');
    await problem(await post('/wide/versions', bounded, { document }), 403, 'PERMISSION_DENIED');
    assert.equal((await post('/wide/versions', anna, { document })).status, 201);
    const { ask } = await json<Said>(await post('/wide/publish', anna, {}));
    await problem(await post(`/wide/asks/${ask}/agree`, other), 403, 'APPROVAL_NOT_YOURS');
    await problem(await post(`/wide/asks/${ask}/agree`, nobody), 403, 'PERMISSION_DENIED');
    await problem(await post(`/wide/asks/${ask}/agree`, viewer), 403, 'PERMISSION_DENIED');
    await problem(await post('/wide/asks/99/agree', ben), 404, 'POLICY_UNKNOWN');
    assert.equal((await get('/wide', viewer)).status, 404);
    assert.equal((await get('/wide?version=1', viewer)).status, 200);
  });

  it('are changed by who has seen what is in force', async () => {
    await post('/seen/versions', anna, { document: { name: 'seen', grants: [] } });
    const tag = (await get('/seen/versions')).headers.get('etag') ?? '';
    const first = await send('/seen/publish', anna, { body: {}, tag });
    const late = await send('/seen/withdraw', anna, { body: {}, tag });

    assert.equal(first.status, 200);
    await problem(late, 412, 'PRECONDITION_FAILED');
    const bad = { document: 'name: seen\ngrants: [' };
    const { detail } = await problem(
      await post('/seen/versions', anna, bad),
      422,
      'POLICY_INVALID',
    );
    assert.match(detail, /line \d+/);
  });
});
