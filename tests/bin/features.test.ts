import assert from 'node:assert/strict';
import { apiPartsOf } from '../../bin/api.ts';
import { createApp, listen } from '../../core/service/api/app.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { verifies } from '../support/verifies.ts';

const config = new URL('../support/fixtures/echo.config.ts', import.meta.url);
const paths = ['/v1/hooks', '/v1/webhooks', '/v1/schedules', '/mcp'];

describe('a feature that is switched off', function () {
  this.timeout(60_000);
  let tutti: TestEngine;

  before(async () => {
    tutti = await openTestEngine(config);
  });
  after(() => tutti.close());

  /** Statuses of the paths, and those that are documented. */
  async function answersOf(
    isOn: boolean,
  ): Promise<readonly [readonly number[], readonly string[]]> {
    const features = { hooks: isOn, webhooks: isOn, schedules: isOn, mcpServer: isOn };
    const host = { ...tutti.host, config: { ...tutti.host.config, features } };
    const tenantId = await tutti.host.store.tenant('ours');
    const parts = apiPartsOf(host, tutti.engine, { tenantId, businessDate: '2026-06-30' });
    const server = await listen(createApp(parts), { port: 0 });
    try {
      const statuses = await Promise.all(
        paths.map(async (path) => (await fetch(`${server.url}${path}`)).status),
      );
      const document = (await (await fetch(`${server.url}/v1/openapi.json`)).json()) as {
        readonly paths: Readonly<Record<string, unknown>>;
      };
      return [statuses, paths.filter((path) => path in document.paths)];
    } finally {
      await server.close();
    }
  }

  it('has no routes, and is in no document', async () => {
    verifies('R13.flags');
    const [on, documented] = await answersOf(true);
    const [off, left] = await answersOf(false);

    assert.deepEqual(
      on.map((status) => status === 404),
      [false, false, false, false],
    );
    assert.deepEqual(documented, ['/v1/hooks', '/v1/webhooks', '/v1/schedules']);
    assert.deepEqual(off, [404, 404, 404, 404]);
    assert.deepEqual(left, []);
  });
});
