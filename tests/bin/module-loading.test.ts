import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { openApi } from '../../bin/api.ts';
import { nodeFlags } from '../../bin/node24.mjs';
import type { ModuleLoadView } from '../../core/engine/modules/module-loads.ts';
import { pinnedBy } from '../../core/engine/run/pinned.ts';
import type { RegisteredWorkflow } from '../../core/sdk/registry.ts';
import type { Listening } from '../../core/service/api/app.ts';
import { root, tsc } from '../../scripts/checks.ts';
import { json, problem } from '../service/api/api.ts';
import { booksDatabase } from '../support/company.ts';
import { openTestEngine, requestOf, type TestEngine } from '../support/engine.ts';
import { eventually } from '../support/eventually.ts';
import type { FreshDatabase } from '../support/postgres.ts';
import { queryAll } from '../support/rows.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';
import { runCli } from './cli.ts';

const tsconfig = {
  compilerOptions: {
    ...{ target: 'es2024', module: 'nodenext', types: ['node'], strict: true, noEmit: true },
    ...{ allowImportingTsExtensions: true, skipLibCheck: true, erasableSyntaxOnly: true },
  },
  include: ['parcels'],
};

const config = `import { defineConfig } from 'tutti';
export default defineConfig({
  modules: [],
  loadable: {
    parcels: './parcels/index.ts',
    guard: './guard/index.ts',
    torn: './torn/index.ts',
    lonely: './lonely/index.ts',
    exits: './exits/index.ts',
    heir: './heir/index.ts',
  },
  limits: { threads: 2 },
});
`;

/** An agent that says the word of a file beside it, or waits until it is cancelled. */
const guardModule = (word: string, output = 'z.object({ word: z.string() })') => ({
  'guard/word.ts': `export const word = '${word}';\n`,
  'guard/index.ts': `import { defineAgent, defineModule, defineWorkflow, z } from 'tutti';
import { word } from './word.ts';
const say = defineAgent({
  name: 'say',
  purpose: 'Says its word.',
  input: z.object({ wait: z.boolean() }),
  output: ${output},
  tools: {},
  instructions: 'Say it.',
}).playbook(async ({ input, signal }) => {
  if (input.wait)
    await new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
  return { word };
});
export const guard = defineModule({
  name: 'guard',
  version: '1.0.0',
  agents: [say],
  workflows: [
    defineWorkflow({
      name: 'guard_say',
      input: z.object({ wait: z.boolean() }),
      graph({ input, task }) {
        const said = task({ id: 'say', agent: say, input: { wait: input.wait } });
        return { word: said.output.word };
      },
    }),
  ],
});
`,
});

describe('modules that are loaded while Tutti runs', function () {
  this.timeout(240_000);
  const folder = scratchFolder({
    'tutti.config.ts': config,
    'package.json': '{"type": "module"}',
    'tsconfig.json': JSON.stringify(tsconfig),
    ...guardModule('one'),
    'torn/index.ts': "import './nothing-there.ts';\nexport const torn = 1;\n",
    'lonely/index.ts': `import { defineModule } from 'tutti';
export const lonely = defineModule({ name: 'lonely', version: '1.0.0', requires: ['finance'] });\n`,
    'exits/index.ts': 'process.exit(3);\n',
    'heir/index.ts': `import { defineModule, defineWorkflow } from 'tutti';
import { guard } from '../guard/index.ts';
export const heir = defineModule({
  name: 'heir',
  version: '2.0.0',
  requires: ['guard'],
  workflows: [
    defineWorkflow({
      name: 'heir_say',
      graph({ task }) {
        const said = task({ id: 'say', agent: guard.agents[0], input: { wait: false } });
        return { word: said.output.word };
      },
    }),
  ],
});\n`,
  });
  const configUrl = pathToFileURL(join(folder.path, 'tutti.config.ts'));
  let fresh: FreshDatabase;
  let tutti: TestEngine;
  let api: Listening;
  let tenantId: number;

  const open = async (): Promise<void> => {
    tutti = await openTestEngine(configUrl, { fresh });
    ({ tenantId } = await tutti.host.sampleTenant(1));
    const served = { tenantId, businessDate: '2026-06-30', port: 0 };
    api = await openApi(tutti.host, tutti.engine, served);
  };
  const close = async (): Promise<void> => {
    await api.close();
    await tutti.close();
  };
  before(async () => {
    mkdirSync(join(folder.path, 'node_modules/@types'), { recursive: true });
    symlinkSync(root, join(folder.path, 'node_modules/tutti'), 'junction');
    const types = 'node_modules/@types/node';
    symlinkSync(join(root, types), join(folder.path, types), 'junction');
    fresh = await booksDatabase();
    await open();
  });
  after(async function () {
    await close();
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  let keys = 0;
  const ask = (method: string, path: string, body?: unknown): Promise<Response> =>
    fetch(`${api.url}/v1/modules${path}`, {
      method,
      headers: { 'content-type': 'application/json', 'idempotency-key': `load-${++keys}` },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
  const load = (name: string) => ask('POST', '', { name });
  const loadsOf = async (name: string): Promise<ModuleLoadView | undefined> => {
    const { loads } = await json<{ loads: readonly ModuleLoadView[] }>(await ask('GET', ''));
    return loads.find((each) => each.name === name);
  };
  const stateOf = async (name: string): Promise<string | undefined> => {
    const engine = (await loadsOf(name))?.engines[0];
    return engine && `${engine.state} ${engine.generation}`;
  };
  const wordOf = (id: string): Promise<unknown> => tutti.history.output(tenantId, id);

  it('are written by a command: the module compiles, is clean, passes its test, is loaded and runs', async () => {
    verifies('R3.new-module', 'R3.register-runtime');
    const place = { cwd: folder.path, env: {} };
    const { code, stdout } = await runCli(place, ['modules', 'new', 'parcels']);
    const again = await runCli(place, ['modules', 'new', 'parcels']);
    const node = (...args: string[]) =>
      spawnSync(process.execPath, [...nodeFlags, ...args], {
        ...{ cwd: folder.path, encoding: 'utf8' as const, timeout: 200_000 },
      });
    const compiled = node(...tsc, '-p', '.');
    const tested = node('--test', '--test-isolation=none', 'parcels/test/check-items.test.ts');

    assert.equal(code, 0);
    assert.match(stdout, /node --test.*\n.*tutti\.config\.ts.*\n.*loadable: \{ parcels:/);
    assert.equal(again.code, 2);
    assert.match(again.stderr, /INPUT_INVALID: .*is there already/);
    assert.equal(compiled.status, 0, compiled.stdout);
    assert.equal(tested.status, 0, tested.stdout);
    assert.match(tested.stdout, /pass 1\b/);
    await problem(await ask('GET', '/parcels'), 404, 'MODULE_UNKNOWN');

    const loaded = await load('parcels');
    const view = await json<ModuleLoadView>(loaded);
    const ended = await tutti.run('parcels_check', { tenantId });
    const shown = await json<{ records: readonly string[] }>(await ask('GET', '/parcels'));

    assert.deepEqual([loaded.status, loaded.headers.get('location')], [202, '/v1/modules/parcels']);
    assert.deepEqual(
      [view.version, view.wanted, view.engines.map(({ state }) => state)],
      ['1.0.0', true, ['loaded']],
    );
    assert.equal(view.engines[0]?.code, view.code);
    assert.equal(ended.status, 'succeeded');
    assert.equal((await tutti.history.summary(tenantId, ended.id)).agents, 4);
    assert.deepEqual(shown.records, ['parcels_item']);
  });

  it('are written as this repository is', () => {
    const biome = join(root, 'node_modules/.bin/biome');
    // Beside its configuration biome looks through the whole folder, which this repository's is a large one.
    copyFileSync(join(root, 'biome.json'), join(folder.path, 'biome.json'));
    const { status, stdout, stderr } = spawnSync(biome, ['check', 'parcels'], {
      ...{ cwd: folder.path, encoding: 'utf8' as const },
    });

    assert.equal(status, 0, stderr);
    assert.match(stdout, /Checked 7 files/);
  });

  it('are refused with what is wrong, and nothing of them stands', async () => {
    const before = tutti.host.registry.digest;
    await problem(await load('finance'), 403, 'MODULE_NOT_LOADABLE');
    await problem(await load('../torn'), 400, 'INPUT_INVALID');
    const torn = await problem(await load('torn'), 422, 'MODULE_INVALID');
    const lonely = await problem(await load('lonely'), 422, 'MODULE_INVALID');
    const exits = await problem(await load('exits'), 422, 'MODULE_INVALID');

    assert.match(torn.detail, /nothing-there\.ts/);
    assert.match(lonely.detail, /names 'finance'/);
    assert.match(exits.detail, /ended its thread with code 3/);
    assert.equal(tutti.host.registry.digest, before);
    assert.equal(await stateOf('torn'), undefined);
  });

  it('come again in new files once their runs have ended, and no run changes its code midway', async () => {
    await load('guard');
    const first = await tutti.run('guard_say', { tenantId, input: { wait: false } });
    const same = await json<ModuleLoadView>(await load('guard'));
    const input = { wait: true };
    const waiting = await tutti.engine.startRun(requestOf('guard_say', { tenantId, input }));
    await eventually(() => tutti.engine.vitals.running === 1);
    for (const [file, text] of Object.entries(guardModule('two')))
      writeFileSync(join(folder.path, file), text);

    const changed = await json<ModuleLoadView>(await load('guard'));
    const refused = tutti.engine.startRun(
      requestOf('guard_say', { tenantId, input: { wait: false } }),
    );
    await assert.rejects(refused, { code: 'WORKFLOW_UNKNOWN' });
    const meanwhile = await stateOf('guard');
    const { id: runId } = waiting;
    await tutti.engine.ask({ tenantId, runId, kind: 'cancel', actor: { kind: 'person', id: 'a' } });
    await tutti.engine.whenEnded(runId);
    await eventually(async () => (await stateOf('guard')) === 'loaded 2');
    const second = await tutti.run('guard_say', { tenantId, input: { wait: false } });

    assert.equal(same.generation, 1, 'the same files are not loaded again');
    assert.equal(changed.generation, 2);
    assert.equal(meanwhile, 'leaving 1');
    assert.deepEqual(await wordOf(first.id), { word: 'one' });
    assert.deepEqual(await wordOf(second.id), { word: 'two' });
  });

  it('work with each other, and are not taken away or changed while others need them', async () => {
    await load('heir');
    const heard = await tutti.run('heir_say', { tenantId });
    assert.deepEqual(await wordOf(heard.id), { word: 'two' });
    writeFileSync(join(folder.path, 'guard/word.ts'), "export const word = 'three';\n");
    const changed = await problem(await load('guard'), 409, 'MODULE_NEEDED');
    assert.equal(await stateOf('guard'), 'loaded 2');
    writeFileSync(join(folder.path, 'guard/word.ts'), "export const word = 'two';\n");
    const needed = await problem(await ask('DELETE', '/guard'), 409, 'MODULE_NEEDED');
    const gone = await ask('DELETE', '/heir');

    for (const { detail } of [needed, changed]) assert.match(detail, /'heir'.* requires/);
    assert.equal(gone.status, 202);
    assert.equal(await stateOf('heir'), undefined);
    await problem(await ask('DELETE', '/never'), 404, 'MODULE_UNKNOWN');
  });

  it('are loaded again by a start, and taken away for good', async () => {
    verifies('R3.register-runtime');
    await close();
    await open();
    const again = await tutti.run('guard_say', { tenantId, input: { wait: false } });
    assert.deepEqual(await wordOf(again.id), { word: 'two' });

    const away = await ask('DELETE', '/guard');
    const { wanted } = await json<ModuleLoadView>(away);
    const refused = tutti.engine.startRun(
      requestOf('guard_say', { tenantId, input: { wait: false } }),
    );

    assert.deepEqual([away.status, wanted], [202, false]);
    await assert.rejects(refused, { code: 'WORKFLOW_UNKNOWN' });
    await problem(await ask('GET', '/guard'), 404, 'MODULE_UNKNOWN');
    assert.deepEqual(await wordOf(again.id), { word: 'two' }, 'its runs stay readable');
    const audited = await queryAll<{ action: string }>(
      tutti.host.database,
      `SELECT action FROM tutti.audit WHERE action LIKE 'module.%' ORDER BY seq`,
    );
    assert.deepEqual(
      audited.map(({ action }) => action.slice(7)),
      ['load', 'load', 'load', 'load', 'unload', 'unload'],
    );
  });

  it('wait for an engine that has them, whoever has taken them away', async () => {
    await load('guard');
    const { registry, store } = tutti.host;
    const workflow = registry.workflows.get('guard_say') as RegisteredWorkflow;
    const version = await store.publishWorkflow(tenantId, workflow);
    const declared = pinnedBy(registry, workflow.data);
    await ask('DELETE', '/guard');
    const request = requestOf('guard_say', { tenantId, input: { wait: false } });
    const { id } = await store.createRun(request, version, { declared });
    const other = await tutti.run('parcels_check', { tenantId });
    const [left] = await queryAll<{ status: string }>(
      tutti.host.database,
      'SELECT status FROM tutti.run WHERE id = $1',
      [id],
    );
    await load('guard');

    assert.equal(other.status, 'succeeded');
    assert.equal(left?.status, 'queued');
    assert.equal(await tutti.engine.whenEnded(id), 'succeeded');
  });

  it('end when they are cancelled, whose module nobody has', async () => {
    await load('guard');
    const { registry, store } = tutti.host;
    const workflow = registry.workflows.get('guard_say') as RegisteredWorkflow;
    const version = await store.publishWorkflow(tenantId, workflow);
    const declared = pinnedBy(registry, workflow.data);
    await ask('DELETE', '/guard');
    const request = requestOf('guard_say', { tenantId, input: { wait: false } });
    const { id: runId } = await store.createRun(request, version, { declared });
    await tutti.engine.ask({ tenantId, runId, kind: 'cancel', actor: { kind: 'person', id: 'a' } });

    assert.equal(await tutti.engine.whenEnded(runId), 'failed');
    const [ended] = await queryAll<{ message: string }>(
      tutti.host.database,
      `SELECT data->'error'->>'message' AS message FROM tutti.entry WHERE run_id = $1 AND kind = 'run.ended'`,
      [runId],
    );
    assert.match(String(ended?.message), /guard/);
    await load('guard');
  });

  it('that an engine cannot load leave everything else as it is, and it says why', async () => {
    const { loads } = tutti.host.loading;
    const actor = { kind: 'person', id: 'somebody' } as const;
    await loads.load('torn', { version: '1.0.0', code: '' }, actor);
    await tutti.engine.lookAtModules();
    const state = await stateOf('torn');
    await close();
    await open();
    const after = await stateOf('torn');
    const run = await tutti.run('guard_say', { tenantId, input: { wait: false } });
    const { error } = (await loadsOf('torn'))?.engines[0] ?? {};
    writeFileSync(
      join(folder.path, 'torn/index.ts'),
      `import { defineModule } from 'tutti';
export const torn = defineModule({ name: 'torn', version: '1.0.1' });\n`,
    );
    const mended = await json<ModuleLoadView>(await load('torn'));

    assert.deepEqual([state, after, run.status], ['failed 1', 'failed 1', 'succeeded']);
    assert.match(String(error?.message), /nothing-there\.ts/);
    assert.deepEqual(
      [mended.version, mended.engines.map((each) => each.state)],
      ['1.0.1', ['loaded']],
    );
  });

  it('are shown by the command, with what each engine has made of them', async () => {
    const place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const shown = await runCli(place, ['modules']);
    const unloaded = await runCli(place, ['modules', 'unload', 'guard']);

    assert.match(shown.stdout, /^guard 1\.0\.0: loaded .*\n {2}engine .*: loaded \(load \d\)$/m);
    assert.equal(unloaded.code, 0);
    await eventually(async () => (await stateOf('guard')) === undefined);
  });
});
