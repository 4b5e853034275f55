import assert from 'node:assert/strict';
import { tasksOf } from '../../../bin/parts/tasks-of.ts';
import type { TaskView } from '../../../core/engine/tasks/tasks.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { eventually } from '../../support/eventually.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

describe('/v1/tasks', () => {
  let tutti: TestEngine;
  let server: Listening;
  let keys = 0;

  before(async () => {
    tutti = await openTestEngine(
      new URL('../../support/fixtures/tasks.config.ts', import.meta.url),
    );
    const { host, engine, history } = tutti;
    const tasks = tasksOf(host, {
      startOwn: (own) => engine.startOwn(own),
      hasModels: () => false,
    });
    const tenantId = await host.store.tenant('ours');
    const app = createApp({ history, engine, registry: host.registry, tenantId, tasks });
    server = await listen(app, { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(server.url + path);
  const post = (body: object, headers: Readonly<Record<string, string>> = {}) =>
    fetch(`${server.url}/v1/tasks`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `t${++keys}`, ...headers },
      body: JSON.stringify(body),
    });
  const ended = async (location: string): Promise<TaskView> => {
    let view = await json<TaskView>(await get(location));
    await eventually(async () => {
      view = await json<TaskView>(await get(location));
      return view.endedAt !== null;
    });
    return view;
  };

  it('take a text for an agent and say where to look for its answer', async () => {
    verifies('R10.agents', 'R5.one-shot');
    const response = await post({ agent: 'desk.beta', text: 'three short words' });

    const { id, state } = await json<TaskView>(response);
    const location = response.headers.get('location');
    assert.deepEqual([response.status, location], [202, `/v1/tasks/${id}`]);
    assert.ok(['queued', 'running', 'succeeded'].includes(state));
    const { output, agent, why, error } = await ended(`/v1/tasks/${id}`);
    assert.deepEqual(output, { words: 3, first: 'three' });
    assert.deepEqual([agent, why, error], ['desk.beta', 'It was named.', null]);
  });

  it('choose an agent by capability, and say why', async () => {
    verifies('R2.capability');
    const { id } = await json<TaskView>(await post({ capability: 'counting', text: 'a b c' }));

    const { agent, why, considered } = await ended(`/v1/tasks/${id}`);

    assert.match(agent, /^desk\.(alpha|beta)$/);
    assert.ok(why.startsWith(`${agent} can 'counting'`), why);
    assert.deepEqual(considered.map((each) => each.agent).sort(), ['desk.alpha', 'desk.beta']);
  });

  it('show why a task has failed', async () => {
    const { id } = await json<TaskView>(await post({ agent: 'desk.beta', text: 'fail' }));

    const { state, output, error } = await ended(`/v1/tasks/${id}`);

    assert.deepEqual([state, output, error?.code], ['failed', null, 'OUTPUT_INVALID']);
  });

  it('give the same key the same task, and refuse it for another', async () => {
    verifies('R10.idempotency');
    const headers = { 'idempotency-key': '"once"' };
    const body = { capability: 'counting', text: 'once' };
    const first = await json<TaskView>(await post(body, headers));
    const again = await json<TaskView>(await post({ ...body, key: 'once' }, headers));

    assert.equal(again.id, first.id);
    await problem(await post({ ...body, text: 'twice' }, headers), 422, 'KEY_REUSED');
    await problem(await post({ ...body, company: 'DE01' }, headers), 422, 'KEY_REUSED');
    const keyless = await post(body, { 'idempotency-key': '' });
    await problem(keyless, 400, 'INPUT_INVALID');
  });

  it('refuse what no agent can do, and what is no task', async () => {
    await problem(await post({ agent: 'desk.gamma', text: 'x' }), 404, 'AGENT_UNKNOWN');
    await problem(await post({ capability: 'baking', text: 'x' }), 404, 'AGENT_UNKNOWN');
    await problem(await post({ agent: 'desk.dreamer', text: 'x' }), 422, 'MODEL_REQUIRED');
    for (const body of [
      { agent: 'desk.alpha' },
      { input: {} },
      { agent: 'desk.alpha', capability: 'counting', text: 'x' },
      { agent: 'desk.clerk', input: { number: 'x' } },
      { agent: 'desk.alpha', text: '' },
      { agent: 'desk.alpha', text: 'x', wait: true },
    ])
      await problem(await post(body), 400, 'INPUT_INVALID');
    for (const id of ['0197a000-0000-7000-8000-000000000000', 'none'])
      await problem(await get(`/v1/tasks/${id}`), 404, 'TASK_UNKNOWN');
  });
});
