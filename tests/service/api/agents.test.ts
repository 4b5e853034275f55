import assert from 'node:assert/strict';
import { agentsOf } from '../../../bin/parts/agents-of.ts';
import type { AgentDetail, AgentView } from '../../../core/engine/agents/agent-view.ts';
import type { AgentVersions, MadeNow } from '../../../core/engine/agents/agents.ts';
import { createApp, type Listening, listen } from '../../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../../support/engine.ts';
import { verifies } from '../../support/verifies.ts';
import { json, problem } from './api.ts';

describe('/v1/agents', () => {
  let tutti: TestEngine;
  let server: Listening;

  before(async () => {
    tutti = await openTestEngine(
      new URL('../../support/fixtures/agents.config.ts', import.meta.url),
    );
    const { host, engine, history } = tutti;
    const tenantId = await host.store.tenant('ours');
    const { registry } = host;
    const app = createApp({ history, engine, registry, tenantId, agents: agentsOf(host) });
    server = await listen(app, { port: 0 });
  });
  after(async function () {
    await server.close();
    await tutti.close(this);
  });

  const get = (path: string) => fetch(`${server.url}/v1/agents${path}`);
  const send = (method: string, path: string, body?: object) =>
    fetch(`${server.url}/v1/agents${path}`, {
      method,
      ...(body && {
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(body),
      }),
    });
  const document = { purpose: 'Answers.', instructions: 'Say ONE' };

  it('are made, read, changed by version, and taken back', async () => {
    verifies('R10.agents');
    const made = await send('POST', '', { name: 'first', ...document });
    const location = made.headers.get('location');
    const { agent } = await json<MadeNow>(made);
    const changed = { ...document, instructions: 'Say TWO' };
    const put = await json<MadeNow>(
      await send('PUT', '/custom.first', { version: 1, document: changed }),
    );
    const now = await json<AgentDetail>(await get('/custom.first'));
    const before = await json<AgentDetail>(await get('/custom.first?version=1'));
    const rolled = await json<MadeNow>(await send('POST', '/first/rollback', {}));

    assert.deepEqual([made.status, location], [201, '/v1/agents/custom.first']);
    assert.deepEqual([agent.name, agent.version, put.agent.version], ['custom.first', 1, 2]);
    assert.deepEqual([now.instructions, before.instructions], ['Say TWO', 'Say ONE']);
    assert.equal(rolled.agent.version, 1);
    const late = { version: 2, document: changed };
    await problem(await send('PUT', '/custom.first', late), 409, 'AGENT_CONFLICT');
    await problem(await send('DELETE', '/first?version=2'), 409, 'AGENT_CONFLICT');
    assert.equal((await send('DELETE', '/first?version=1')).status, 200);
    await problem(await get('/custom.first'), 404, 'AGENT_UNKNOWN');
    const { items } = await json<AgentVersions & { items: AgentVersions['versions'] }>(
      await get('/first/versions'),
    );
    assert.deepEqual(
      items.map(({ version, inForce }) => [version, inForce]),
      [
        [2, false],
        [1, false],
      ],
    );
  });

  it('are cloned, and listed by module and capability', async () => {
    const body = { name: 'counter', changes: { instructions: 'Count twice.' } };
    const cloned = await send('POST', '/desk.counter/clone', body);
    const list = async (query: string) =>
      (await json<{ items: readonly AgentView[] }>(await get(query))).items.map(({ name }) => name);

    assert.equal(cloned.status, 201);
    const { agent } = await json<MadeNow>(cloned);
    assert.deepEqual([agent.template, agent.needsModel], ['desk.counter', true]);
    assert.deepEqual(await list('?capability=counting'), ['custom.counter', 'desk.counter']);
    assert.deepEqual(await list('?module=desk'), ['desk.counter', 'desk.opener']);
    assert.deepEqual(await list(''), ['custom.counter', 'desk.counter', 'desk.opener']);
  });

  it('refuse what is no agent, with every fault', async () => {
    const twice = await send('POST', '', { name: 'bad', tools: ['a', 'a'] });
    const found = await problem(twice, 422, 'AGENT_INVALID');
    assert.match(JSON.stringify(found), /\/tools.*\/purpose.*\/instructions/);
    const opener = { name: 'bad', template: 'desk.opener' };
    await problem(await send('POST', '', opener), 422, 'AGENT_INVALID');
    await problem(await send('POST', '', { name: 'counter', ...document }), 409, 'AGENT_CONFLICT');
    await problem(
      await send('PUT', '/desk.counter', { version: 1, document }),
      409,
      'AGENT_CONFLICT',
    );
    await problem(
      await send('PUT', '/custom.none', { version: 1, document }),
      404,
      'AGENT_UNKNOWN',
    );
    await problem(await send('PUT', '/custom.counter', { document }), 400, 'INPUT_INVALID');
    await problem(await send('DELETE', '/custom.none'), 404, 'AGENT_UNKNOWN');
    await problem(await send('POST', '/desk.counter/clone', {}), 400, 'INPUT_INVALID');
    await problem(await get('/tool:desk.word.count'), 404, 'AGENT_UNKNOWN');
    await problem(await get('?skill=x'), 400, 'INPUT_INVALID');
  });
});
