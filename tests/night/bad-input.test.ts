import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type Ended, runCli, runProcess, shopConfig } from '../bin/cli.ts';
import { booksDatabase } from '../support/company.ts';
import { openTestEngine, type TestEngine } from '../support/engine.ts';
import { startModelServer } from '../support/model-server.ts';
import { startOldPostgres } from '../support/old-postgres.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { scratchFolder } from '../support/scratch.ts';

const root = join(import.meta.dirname, '../..');

describe('what a person gets wrong ends the command with one line that says what to do', () => {
  let folder: ReturnType<typeof scratchFolder>;
  let fresh: FreshDatabase;

  before(async () => {
    fresh = await booksDatabase();
    folder = scratchFolder({});
  });
  after(function () {
    folder[Symbol.dispose]();
    return fresh.drop(this);
  });

  async function tutti(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<Ended> {
    const place = { cwd: folder.path, env: { DATABASE_URL: fresh.url, ...env } };
    return await runCli(place, args);
  }

  function assertRefused(ended: Ended, code: string, message: RegExp): void {
    assert.match(ended.stderr, /^[A-Z_]+: [^\n]+\n$/);
    assert.ok(ended.stderr.startsWith(`${code}: `), ended.stderr);
    assert.match(ended.stderr, message);
    assert.deepEqual([ended.code, ended.stdout], [1, '']);
  }

  /** Runs `modules` (which loads the configuration only) or another command on a configuration of this text. */
  async function withConfig(text: string, ...command: string[]): Promise<Ended> {
    using own = scratchFolder({
      'package.json': '{"type":"module"}',
      'tutti.config.ts': text.replaceAll("'tutti'", `'${join(root, 'core/index.ts')}'`),
    });
    const args = command.length > 0 ? command : ['modules'];
    return await tutti([...args, '--config', join(own.path, 'tutti.config.ts')]);
  }

  it('a module whose tool breaks the rules', async () => {
    const ended = await withConfig(`
      import { defineConfig, defineModule, defineTool, z } from 'tutti';
      const tool = defineTool({ name: 'Broken Tool', description: 'x', effect: 'read', parameters: z.object({}), result: z.object({}) })
        .handler(async () => ({}));
      export default defineConfig({ modules: [defineModule({ name: 'broken', version: '1.0.0', tools: [tool] })] });`);

    assertRefused(ended, 'MODULE_INVALID', /broken.*Broken Tool/);
  });

  it('a module that cannot be parsed', async () => {
    const ended = await withConfig(`export default { modules: [ `);

    assertRefused(ended, 'CONFIG_INVALID', /tutti\.config\.ts/);
  });

  it('a module that fails while it loads', async () => {
    const ended = await withConfig(`throw new Error('no licence file'); export default {};`);

    assertRefused(ended, 'CONFIG_INVALID', /tutti\.config\.ts.*no licence file/);
  });

  it('a workflow with a cycle', async () => {
    const ended = await withConfig(
      `
      import { defineConfig, z } from 'tutti';
      const gate = (id, after) => ({ kind: 'gate', id, after: [after], join: 'all_succeeded', when: { cel: 'true' } });
      const nodes = [gate('dawn', 'dusk'), gate('noon', 'dawn'), gate('dusk', 'noon')];
      const record = () => ({ name: 'round', deadline: null, budgetMicroUsd: null, partial: false, concurrency: null, nodes });
      export default defineConfig({ modules: [], workflows: [{ kind: 'workflow', name: 'round', input: z.object({}), record }] });`,
      'run',
      'round',
    );

    assertRefused(ended, 'WORKFLOW_INVALID', /'?dawn.*noon.*dusk|dusk.*noon.*dawn/);
  });

  it('a key that the provider refuses', async () => {
    const server = await startModelServer(() => ({ fault: { kind: 'status', status: 401 } }));
    try {
      // Threads read keys in the environment of the process.
      const env = { OPENAI_API_KEY: 'sk-mistyped', OPENAI_BASE_URL: server.baseUrl('openai') };
      const place = { cwd: folder.path, env: { DATABASE_URL: fresh.url, ...env } };
      const ended = await runProcess(place, ['run', 'broken', '--config', shopConfig]);

      const said = ended.stdout + ended.stderr;
      assert.equal(ended.code, 1);
      assert.match(said, /MODEL_REFUSED/);
      assert.match(said, /401/);
      assert.match(said, /OPENAI_API_KEY/);
      assert.doesNotMatch(said, /sk-mistyped/);
    } finally {
      await server.close();
    }
  });

  it('a database that does not answer', async () => {
    const ended = await tutti(['runs', '--config', shopConfig], {
      DATABASE_URL: 'postgresql://tutti:hunter2@127.0.0.1:1/tutti',
    });

    assertRefused(ended, 'DB_UNAVAILABLE', /127\.0\.0\.1:1 does not answer.*DATABASE_URL/);
    assert.doesNotMatch(ended.stderr, /hunter2/);
  });

  it('a database URL that is none', async () => {
    const ended = await tutti(['runs', '--config', shopConfig], { DATABASE_URL: 'localhost:5432' });

    assert.equal(ended.code, 1);
    assert.match(ended.stderr, /^(DB_UNAVAILABLE|CONFIG_INVALID): [^\n]*DATABASE_URL[^\n]*\n$/);
  });

  it('a server that is no PostgreSQL', async () => {
    const server = createServer((_request, response) => response.end('hello'));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;

    const ended = await tutti(['runs', '--config', shopConfig], {
      DATABASE_URL: `postgresql://tutti@127.0.0.1:${port}/tutti`,
    });

    server.close();
    server.closeAllConnections();
    assertRefused(ended, 'DB_UNAVAILABLE', /DATABASE_URL/);
  });

  it('a PostgreSQL that is too old', async () => {
    await using server = await startOldPostgres();

    const ended = await tutti(['runs', '--config', shopConfig], { DATABASE_URL: server.url });

    assertRefused(ended, 'DB_VERSION', /is PostgreSQL 14; Tutti needs 15 or later/);
  });

  it('a database that a newer Tutti has written', async () => {
    const newer = await booksDatabase();
    await newer.database.admin((client) =>
      client.query('UPDATE tutti.meta SET schema_version = 999'),
    );

    const ended = await tutti(['runs', '--config', shopConfig], { DATABASE_URL: newer.url });

    await newer.drop();
    assertRefused(ended, 'DB_VERSION', /schema version 999.*install the newer Tutti/);
  });

  it('a data folder that cannot be made', async () => {
    using own = scratchFolder({ file: '' });

    const ended = await tutti(['runs', '--config', shopConfig], {
      DATABASE_URL: '',
      TUTTI_DATA: join(own.path, 'file/data'),
    });

    assertRefused(ended, 'DATA_FOLDER', /file\/data/);
  });

  it('a data folder of another version of PostgreSQL', async () => {
    using own = scratchFolder({ 'pg/PG_VERSION': '17\n' });

    const ended = await tutti(['runs', '--config', shopConfig], {
      DATABASE_URL: '',
      TUTTI_DATA: own.path,
    });

    assertRefused(ended, 'DB_VERSION', /made by PostgreSQL 17, and this Tutti brings 18/);
  });
});

describe('text that no database takes', () => {
  let tutti: TestEngine;
  let tenantId: number;

  before(async () => {
    tutti = await openTestEngine(new URL('./fixtures/ill.config.ts', import.meta.url));
    tenantId = await tutti.host.store.tenant('ill');
  });
  after(function () {
    return tutti.close(this);
  });

  it('is stored with U+FFFD wherever it stands, and harms no other step', async () => {
    const mended = 'x\u{fffd}a\u{fffd}b\u{fffd}c';

    const { id, status } = await tutti.run('speech', { tenantId, input: { word: 'x\u0000' } });

    const steps = await tutti.history.steps(tenantId, id);
    const [found] = await tutti.history.findings(tenantId, { runId: id });
    const [proposed] = await tutti.history.proposals(tenantId, { runId: id });
    const [output] = await queryAll<{ body: Buffer }>(
      tutti.host.database,
      `SELECT body FROM tutti.payload WHERE run_id = $1 AND class = 'output'`,
      [id],
    );
    assert.equal(status, 'partial');
    assert.deepEqual(
      steps.map(({ node, error }) => [node, error?.code ?? null, error?.message ?? null]),
      [
        ['speak', null, null],
        ['break', 'AGENT_FAILED', 'a\u{fffd}b\u{fffd}c'],
      ],
    );
    assert.deepEqual(
      [found?.company, found?.records[0]?.id, found?.summary],
      [mended, mended, mended],
    );
    assert.deepEqual(found?.evidence, { word: mended });
    assert.deepEqual(proposed?.args, { words: mended });
    assert.deepEqual(JSON.parse(String(output?.body)), { word: mended, memos: [mended] });
  });
});
