import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { useCli } from './cli.ts';

const root = new URL('../../', import.meta.url);
const hook = new URL('fixtures/loaded-files.mjs', import.meta.url).href;
const config = fileURLToPath(new URL('tutti.config.ts', root));

/** What runs: neither does help need any of it, nor who only asks the database. */
const running = [
  'core/engine/engine.ts',
  'core/engine/loop/loop.ts',
  'core/service/api/',
  'worker/',
  'package express',
  'package piscina',
];

describe('what is loaded at a start', function () {
  this.timeout(60_000);
  const lab = useCli(config);

  /** Runs a file in a process of its own; resolves with its own files and the packages that it has loaded. */
  async function loadedBy(file: string, ...args: readonly string[]): Promise<readonly string[]> {
    const to = join(lab.cwd, 'loaded');
    const { PATH = '' } = process.env;
    const argv = ['--import', hook, fileURLToPath(new URL(file, root)), ...args];
    const env = { PATH, ...compileCacheEnv, ...lab.env, LOADED_TO: to };
    await once(spawn(process.execPath, argv, { cwd: lab.cwd, env, stdio: 'ignore' }), 'close');
    const named = readFileSync(to, 'utf8').split('\n').map(nameOf);
    return [...new Set(named)].filter((name) => !name.startsWith('node:'));
  }

  it('help, the release and the answer to a wrong call: no engine, no configuration and no package but one', async () => {
    const calls = [['--help'], ['help', 'start'], ['version'], ['nope'], ['start', '--nope']];
    for (const call of calls) {
      const loaded = await loadedBy('bin/tutti.ts', ...call);
      const packages = loaded.filter((name) => name.startsWith('package '));

      assert.ok(loaded.includes('bin/usages/work.ts'));
      assert.deepEqual(packages, ['package dotenv'], call.join(' '));
      assert.deepEqual(
        among(loaded, [...running, 'core/ports/', 'modules/', 'tutti.config.ts', 'bin/host.ts']),
        [],
        call.join(' '),
      );
    }
  });

  it('a command that only asks the database: no engine, no thread, nothing that speaks with the outside', async () => {
    for (const call of ['runs', 'status', 'approvals']) {
      const loaded = await loadedBy('bin/tutti.ts', call, '--config', config);

      assert.ok(loaded.includes('package kysely') && loaded.includes('modules/hr/index.ts'), call);
      assert.deepEqual(
        among(loaded, [...running, ...samples(), 'core/ports/models/open.ts', 'package yaml']),
        [],
        call,
      );
    }
  });

  it('a thread of agents: no service, no engine, no migration, and no sample company', async () => {
    const loaded = [
      ...(await loadedBy('worker/thread/thread.ts')),
      ...(await loadedBy('tutti.config.ts')),
    ];
    const theirs = ['core/engine/', 'core/service/', 'bin/', 'core/ports/db/migrat', ...samples()];
    const packages = ['express', 'kysely', 'piscina', 'yaml', 'cockatiel', 'jose', 'pdfkit'];

    assert.ok(loaded.includes('core/guard/invoke.ts') && loaded.includes('modules/hr/index.ts'));
    assert.deepEqual(among(loaded, [...theirs, ...packages.map((each) => `package ${each}`)]), []);
  });
});

/** `core/base/ids.ts` or `package zod`. */
function nameOf(url: string): string {
  const [, name] = /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url) ?? [];
  return name === undefined ? url.replace(root.href, '') : `package ${name}`;
}

/** What of the loaded begins like one of these. */
function among(loaded: readonly string[], unwanted: readonly string[]): readonly string[] {
  return loaded.filter((name) => unwanted.some((each) => name.startsWith(each)));
}

/** What the modules make the sample company with. */
function samples(): readonly string[] {
  return ['hr', 'inventory', 'finance', 'compliance'].map((name) => `modules/${name}/sample`);
}
