import assert from 'node:assert/strict';
import { systemClock } from '../../../core/base/clock.ts';
import { EngineError } from '../../../core/base/errors.ts';
import { History } from '../../../core/engine/history/history.ts';
import { createApp, listen } from '../../../core/service/api/app.ts';
import { verifies } from '../../support/verifies.ts';
import { json, openApi, problem, rawGet, type TestApi } from './api.ts';

describe('admin API', () => {
  let api: TestApi;

  before(async () => {
    api = await openApi(() => ({
      report: async (tenantId, runId) => `<!doctype html><title>${tenantId} ${runId}</title>`,
    }));
  });
  after(async function () {
    await api.close(this);
  });

  it('lives and is ready', async () => {
    verifies('R10.health');
    assert.equal((await api.get('/livez')).status, 200);
    assert.equal((await api.get('/readyz')).status, 200);
  });

  it('answers unknown paths and methods with a problem', async () => {
    verifies('R10.problems');
    const body = await problem(await api.get('/v2/nothing?secret=1'), 404, 'ROUTE_UNKNOWN');

    assert.equal(body.instance, '/v2/nothing');
    assert.equal(body.retryable, false);
    const refused = await fetch(`${api.server.url}/v1/runs`, { method: 'DELETE' });
    await problem(refused, 405, 'METHOD_REFUSED');
    assert.equal(refused.headers.get('allow'), 'GET, HEAD, POST');
    await problem(await api.get('/v1/runs/%E0%A4%A'), 400, 'INPUT_INVALID');
  });

  it('refuses every host name but its own', async () => {
    const { port } = api.server;
    for (const host of [
      `evil.example:${port}`,
      'localhost',
      '127.0.0.1:1',
      `127.0.0.1.evil.example:${port}`,
      `localhost.:${port}`,
    ]) {
      for (const path of ['/v1/runs', '/livez', '/report', '/nothing']) {
        assert.equal((await rawGet(api.server, path, { host })).statusCode, 403, `${host} ${path}`);
      }
    }
    for (const host of [
      `localhost:${port}`,
      `LOCALHOST:${port}`,
      `127.0.0.1:${port}`,
      `[::1]:${port}`,
    ]) {
      assert.equal((await rawGet(api.server, '/v1/runs', { host })).statusCode, 200, host);
    }
  });

  it('refuses pages of other origins and gives none of them a right', async () => {
    const own = api.server.url;
    for (const origin of [
      'https://evil.example',
      'null',
      'http://localhost',
      own.replace('http:', 'https:'),
    ]) {
      const response = await api.post('/v1/runs', { workflow: 'chorus' }, { origin });
      await problem(response, 403, 'ORIGIN_REFUSED');
      assert.equal(response.headers.get('access-control-allow-origin'), null);
    }
    const response = await api.get('/v1/runs', { origin: own });
    assert.equal(response.status, 200);
    assert.equal(response.headers.get('access-control-allow-origin'), null);
    assert.deepEqual((await json<{ items: unknown[] }>(response)).items, []);
  });

  it('tells browsers to guess, frame and run nothing', async () => {
    const data = await api.get('/v1/runs');
    const page = await api.get('/');

    assert.equal(data.headers.get('x-content-type-options'), 'nosniff');
    assert.equal(data.headers.get('x-powered-by'), null);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    for (const { headers } of [data, page]) {
      assert.match(
        headers.get('content-security-policy') ?? '',
        /default-src 'none'.*frame-ancestors 'none'/,
      );
      assert.doesNotMatch(headers.get('content-security-policy') ?? '', /script-src/);
    }
  });

  it('gives its pages an icon of their own, so that nobody asks for a file of it', async () => {
    for (const path of ['/', '/docs']) {
      const page = await api.get(path);

      assert.match(page.headers.get('content-security-policy') ?? '', /img-src data:/);
      assert.match(await page.text(), /<link rel="icon" href="data:image\/svg\+xml,/);
    }
  });

  it('takes JSON bodies up to 1 MB and nothing else', async () => {
    const large = JSON.stringify({ workflow: 'x'.repeat(1_048_576) });
    const before = await api.get('/v1/runs');

    await problem(await api.post('/v1/runs', large), 413, 'BODY_TOO_LARGE');
    await problem(await api.post('/v1/runs', '{"workflow": '), 400, 'INPUT_INVALID');
    await problem(await api.post('/v1/runs', '"text"'), 400, 'INPUT_INVALID');
    await problem(
      await api.post('/v1/runs', 'a=1', { 'content-type': 'text/plain' }),
      415,
      'MEDIA_UNSUPPORTED',
    );
    await problem(
      await api.post('/v1/runs', '{}', { 'content-encoding': 'rot13' }),
      415,
      'MEDIA_UNSUPPORTED',
    );

    assert.equal(await before.text(), await (await api.get('/v1/runs')).text());
  });

  it('names the wrong fields of a body and a query', async () => {
    verifies('R10.problems', 'R12.input-validation');
    const body = await problem(
      await api.post('/v1/runs', { workflow: 7, priority: 11, extra: 1 }),
      400,
      'INPUT_INVALID',
    );
    const query = await problem(await api.get('/v1/runs?limit=0'), 400, 'INPUT_INVALID');

    assert.deepEqual(
      body.errors?.map(({ pointer }) => pointer),
      ['/workflow', '/priority', ''],
    );
    assert.deepEqual(
      query.errors?.map(({ pointer }) => pointer),
      ['/limit'],
    );
    await problem(await api.get('/v1/runs?cursor=7'), 400, 'INPUT_INVALID');
    await problem(await api.get('/v1/runs?limit=1&limit=2'), 400, 'INPUT_INVALID');
    await problem(await api.get('/v1/runs?offset=2'), 400, 'INPUT_INVALID');
  });

  it('serves the report of a run, and of the newest by itself', async () => {
    await problem(await api.get('/report'), 404, 'RUN_UNKNOWN');
    const { id } = await api.tutti.run('chorus', {
      tenantId: api.tenantId,
      input: { values: ['r'] },
    });

    const newest = await api.get('/report');
    const page = await api.get(`/report/${id}`);

    assert.deepEqual([newest.status, newest.headers.get('location')], [302, `/report/${id}`]);
    assert.match(page.headers.get('content-type') ?? '', /^text\/html/);
    assert.match(await page.text(), new RegExp(`<title>${api.tenantId} ${id}`));
    await problem(await api.get('/report/none'), 404, 'RUN_UNKNOWN');
  });

  it('lists the modules with their agents, tools and workflows', async () => {
    const { items, workflows } = await json<{
      items: {
        name: string;
        agents: { name: string }[];
        tools: { name: string; effect: string }[];
      }[];
      workflows: { name: string }[];
    }>(await api.get('/v1/modules'));

    assert.deepEqual(
      items.map(({ name }) => name),
      ['echo'],
    );
    assert.deepEqual(
      items[0]?.agents.map(({ name }) => name),
      ['echo.say', 'echo.hold', 'echo.fail'],
    );
    assert.deepEqual(
      items[0]?.tools.map(({ effect }) => effect),
      ['read', 'propose'],
    );
    assert.deepEqual(
      workflows.map(({ name }) => name),
      ['chorus', 'pause', 'stumble'],
    );
  });

  it('tells clients their rate and stops them at its limit', async () => {
    const server = await listen(createApp({ ...partsOf(api), requestsPerMinute: 2 }), { port: 0 });
    try {
      const answers = [];
      for (let asked = 0; asked < 3; asked += 1)
        answers.push(await fetch(`${server.url}/v1/modules`));
      const [first, , third] = answers as [Response, Response, Response];

      assert.equal(first.headers.get('ratelimit-policy'), '"perminute";q=2;w=60');
      assert.match(first.headers.get('ratelimit') ?? '', /^"perminute";r=1;t=\d+$/);
      assert.match(third.headers.get('ratelimit') ?? '', /^"perminute";r=0;t=\d+$/);
      assert.match(third.headers.get('retry-after') ?? '', /^[1-9]\d?$/);
      const { type, retryable } = await problem(third, 429, 'RATE_LIMITED');
      assert.match(type, /#quota-exceeded$/);
      assert.equal(retryable, true);
      assert.equal((await fetch(`${server.url}/livez`)).status, 200);
    } finally {
      await server.close();
    }
  });

  it('is not ready without an engine, or when the database does not answer in time', async () => {
    verifies('R10.health');
    const silent = new History({ rowsOf: () => new Promise(() => {}) });
    const hasty = {
      ...systemClock,
      after: (_delayMs: number, run: () => void) => systemClock.after(1, run),
    };
    const { startRun, retryRun, ask, explain, onAppend, onDelta } = api.tutti.engine;
    const trouble = new EngineError('ENGINE_STOPPED', 'The engine is starting or has stopped.');
    const stopped = { startRun, retryRun, ask, explain, onAppend, onDelta, trouble };
    for (const [change, code] of [
      [{ engine: stopped }, 'ENGINE_STOPPED'],
      [{ history: silent, clock: hasty }, 'DB_UNAVAILABLE'],
    ] as const) {
      const server = await listen(createApp({ ...partsOf(api), ...change }), { port: 0 });
      try {
        const { retryable } = await problem(await fetch(`${server.url}/readyz`), 503, code);
        assert.equal(retryable, true);
        assert.equal((await fetch(`${server.url}/livez`)).status, 200);
      } finally {
        await server.close();
      }
    }
  });

  it('keeps what failed inside to itself and hands it to the log', async () => {
    const errors: unknown[] = [];
    const broken = { report: () => Promise.reject(new Error('the password is swordfish')) };
    const server = await listen(
      createApp({ ...partsOf(api), ...broken, onError: (error) => errors.push(error) }),
      { port: 0 },
    );
    try {
      const id = await api.start('chorus', { values: [] });
      const body = await problem(await fetch(`${server.url}/report/${id}`), 500, 'INTERNAL');

      assert.doesNotMatch(JSON.stringify(body), /swordfish/);
      assert.match(String(errors), /swordfish/);
    } finally {
      await server.close();
    }
  });

  it('says which option helps when its port is taken', async () => {
    const app = createApp(partsOf(api));

    await assert.rejects(listen(app, { port: api.server.port }), {
      code: 'PORT_TAKEN',
      message: /--port/,
    });
  });
});

function partsOf({ tutti, tenantId }: TestApi) {
  const { history, engine, host } = tutti;
  return { history, engine, registry: host.registry, tenantId };
}
