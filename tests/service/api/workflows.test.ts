import assert from 'node:assert/strict';
import { Versions, type VersionsView } from '../../../core/engine/versions/versions.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

const config = new URL('../../support/fixtures/versions.config.ts', import.meta.url);

const document = (value: string, more: object = {}) =>
  JSON.stringify({
    name: 'written',
    nodes: [{ id: 'say', kind: 'task', agent: 'press.say', input: { value } }],
    ...more,
  });

describe('/v1/workflows', () => {
  let tutti: TestEngine;
  let tenantId: number;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(config);
    tenantId = await tutti.host.store.tenant('ours');
    const { history, engine, host } = tutti;
    const { registry, planner } = host;
    const versions = new Versions(host.store.definitions, registry);
    const parts = { history, engine, registry, tenantId, versions, planner };
    server = await listen(createApp(parts), { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}/v1/workflows${path}`);
  const post = (path: string, body: object = {}) =>
    fetch(`${server.url}/v1${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': crypto.randomUUID() },
      body: JSON.stringify(body),
    });
  const publish = (text?: string, name = 'written') =>
    post(`/workflows/${name}/publish`, text === undefined ? {} : { document: text });

  it('publishes a document, goes back, and lets the code decide again', async () => {
    verifies('R1.versions', 'R1.rollback', 'R10.workflows');
    const done = [
      await json(await publish(document('one'))),
      await json(await publish(document('two'))),
      await json(await publish(document('two'))),
      await json(await post('/workflows/written/rollback')),
      await json(await post('/workflows/written/rollback', { to: 2 })),
      await json(await post('/workflows/written/release')),
    ];

    const said = (version: number | null, isNew: boolean) => ({
      ...{ name: 'written', version, isNew, breaks: [] },
    });
    assert.deepEqual(done, [
      said(1, true),
      said(2, true),
      said(2, false),
      said(1, true),
      said(2, true),
      said(null, true),
    ]);
  });

  it('shows what can be run, a version, all versions and what differs', async () => {
    verifies('R10.workflows');
    await publish(document('one'));
    await publish(document('two'));

    const listed = await json<{ items: readonly { name: string; inForce: number | null }[] }>(
      await get(''),
    );
    const view = await json<VersionsView & { items: readonly { version: number }[] }>(
      await get('/written/versions'),
    );
    const shown = await json<{ version: number; data: { nodes: readonly object[] } }>(
      await get('/written?version=1'),
    );
    const diff = await json<{ changed: readonly object[] }>(await get('/written/diff?from=1&to=2'));

    assert.deepEqual(
      listed.items.map(({ name, inForce }) => [name, inForce]),
      [
        ['letter', null],
        ['note', null],
        ['folder', null],
        ['written', 2],
      ],
    );
    assert.deepEqual([view.takes, view.version, view.items.length], ['version', 2, 2]);
    assert.deepEqual([shown.version, shown.data.nodes.length], [1, 1]);
    assert.equal(diff.changed.length, 1);
  });

  it('publishes what the loaded code says, and runs and plans a version by its number', async () => {
    verifies('R10.workflows');
    const { version } = await json<{ version: number }>(await publish(undefined, 'note'));
    const asked = { workflow: 'note', version, input: { word: 'x' } };

    assert.equal((await post('/plans', asked)).status, 200);
    const head = await json<{ id: string }>(await post('/runs', asked));
    assert.equal(await tutti.engine.whenEnded(head.id), 'succeeded');
    await problem(await post('/runs', { ...asked, version: 9 }), 404, 'WORKFLOW_UNKNOWN');
  });

  it('refuses what is no workflow, another one, and what does not fit what is loaded', async () => {
    const broken = document('x', { output: '$'.concat('{ nodes.nowhere.output }') });

    await problem(await publish('nodes: 1'), 422, 'WORKFLOW_INVALID');
    await problem(await publish(broken), 422, 'WORKFLOW_INVALID');
    await problem(await publish(document('x'), 'other'), 400, 'INPUT_INVALID');
    await problem(await publish(undefined, 'nobody'), 404, 'WORKFLOW_UNKNOWN');
    await problem(await get('/nobody/versions'), 404, 'WORKFLOW_UNKNOWN');
    await problem(await get('/written/diff?from=1'), 400, 'INPUT_INVALID');
  });
});
