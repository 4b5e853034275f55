import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, tsc } from '../../scripts/checks.ts';
import { runCli } from '../bin/cli.ts';
import { briefFlags } from '../support/brief-flags.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const page = readFileSync(join(root, 'docs/write-a-module.md'), 'utf8');

const tsconfig = {
  compilerOptions: {
    target: 'es2024',
    module: 'nodenext',
    types: ['node', 'mocha'],
    strict: true,
    noEmit: true,
    allowImportingTsExtensions: true,
    skipLibCheck: true,
    erasableSyntaxOnly: true,
  },
  include: ['parcels', 'tutti.config.ts'],
};

describe('the page that shows how a module is written', function () {
  this.timeout(300_000);
  const blocks = [...page.matchAll(/^```ts title="([^"]+)"\n(.*?)^```$/gms)];
  let folder: Disposable & { readonly path: string };
  let fresh: FreshDatabase;

  before(async () => {
    const files = Object.fromEntries(blocks.map(([, path = '', code = '']) => [path, code]));
    folder = scratchFolder({});
    for (const [path, text] of Object.entries({
      ...files,
      'tsconfig.json': JSON.stringify(tsconfig),
      'package.json': '{"type": "module"}',
    })) {
      mkdirSync(dirname(join(folder.path, path)), { recursive: true });
      writeFileSync(join(folder.path, path), text);
    }
    mkdirSync(join(folder.path, 'node_modules'));
    symlinkSync(root, join(folder.path, 'node_modules/tutti'), 'junction');
    symlinkSync(
      join(root, 'node_modules/@types'),
      join(folder.path, 'node_modules/@types'),
      'junction',
    );
    fresh = await freshDatabase();
  });
  after(async function () {
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  const node = (...args: string[]) =>
    spawnSync(process.execPath, [...briefFlags, ...args], {
      cwd: folder.path,
      encoding: 'utf8',
      timeout: 120_000,
      env: {
        PATH: process.env.PATH,
        HOME: process.env.HOME,
        ...compileCacheEnv,
      },
    });

  it('has every file of the module, each once', () => {
    const paths = blocks.map(([, path]) => path);
    assert.equal(new Set(paths).size, paths.length);
    assert.equal(paths.length, 10);
    assert.equal([...page.matchAll(/^```ts\b/gm)].length, paths.length, 'a block has no title');
  });

  it('compiles as it stands', () => {
    verifies('R14.examples', 'R3.third-party');
    const { status, stdout } = node(...tsc, '-p', '.');
    assert.equal(status, 0, stdout);
  });

  it("passes the module's own tests", () => {
    verifies('R14.examples');
    const { status, stdout } = node(
      ...['--test', '--test-isolation=none'],
      'parcels/test/tools.test.ts',
      'parcels/test/late-parcels.test.ts',
    );
    assert.equal(status, 0, stdout);
    assert.match(stdout, /pass 4\b/);
  });

  it('runs by its configuration, and lists its tools', async () => {
    verifies('R3.third-party', 'R5.tool-category');
    const place = { cwd: folder.path, env: { DATABASE_URL: fresh.url } };
    const run = await runCli(place, ['run', 'parcel_check', '--json']);
    const ended = JSON.parse(run.stdout) as Readonly<Record<string, unknown>>;
    const listed = await runCli(place, ['tools']);

    assert.deepEqual([ended.status, ended.modules], ['succeeded', ['parcels']], run.stderr);
    assert.equal(ended.agents, 4);
    assert.match(listed.stdout, /^parcels\.parcel\.track +receiving +read +public +http/m);
    assert.match(listed.stdout, /^parcels\.parcel\.list .* 4 +0 +\d+ ms$/m);
  });
});
