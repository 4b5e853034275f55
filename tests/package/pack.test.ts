import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { root, tsc } from '../../scripts/checks.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

/** Of one program: far longer than any takes. */
const patienceMs = 280_000;

interface Manifest {
  readonly version: string;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly optionalDependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, unknown>>;
}

describe('the package', function () {
  this.timeout(300_000);
  let folder: Disposable & { readonly path: string };
  let fresh: FreshDatabase;

  before(async () => {
    folder = scratchFolder({});
    fresh = await freshDatabase();
    // tests/house/checks.test.ts checks the types.
    run('node', ['scripts/build.ts', '--no-check'], { cwd: root });
    install(folder.path);
  });
  after(async function () {
    await fresh.drop(this);
    folder[Symbol.dispose]();
  });

  const at = (...path: string[]): string => join(folder.path, ...path);

  it('holds JavaScript with its types and everything that it reads at run time, and no source or test', () => {
    const files = readdirSync(at('node_modules/tutti'), { recursive: true, encoding: 'utf8' });

    assert.deepEqual(
      files.filter((file) => /\.m?ts$/.test(file) && !/\.d\.m?ts$/.test(file)),
      [],
    );
    assert.deepEqual(
      files.filter((file) => /(^|\/)(tests|bench|examples|scripts)(\/|$)/.test(file)),
      [],
    );
    for (const file of ['bin/tutti.mjs', 'worker/thread/entry.js', 'core/index.d.ts', 'LICENSE']) {
      assert.ok(files.includes(file), `${file} is missing`);
    }
    const migrations = readdirSync(join(root, 'core/ports/db/migrations'));
    for (const file of migrations)
      assert.ok(files.includes(`core/ports/db/migrations/${file}`), file);
    assert.deepEqual(
      files.filter((file) => file.includes('service/console/') && !file.includes('/built/')),
      ['core/service/console/built'],
    );
    assert.deepEqual(Object.keys(readManifest(at('node_modules/tutti')).exports), [
      '.',
      './testing',
      './mcp-use',
      './package.json',
    ]);
  });

  it('serves the console as it was bundled, without a bundler', () => {
    verifies('R11.dashboard', 'R13.package');
    const script = `import { consoleOf } from './node_modules/tutti/bin/parts/console-of.js';
const { page, files } = await consoleOf()();
console.log(JSON.stringify([page.includes('<div id="console">'), ...[...files].map(([name, { type, body }]) => [name.replace(/-[A-Z0-9]{8}/, ''), type, body.length > 100])]));`;
    writeFileSync(at('console.mjs'), script);

    const [isPage, ...served] = JSON.parse(
      run('node', ['console.mjs'], { cwd: folder.path }).stdout,
    ) as readonly unknown[];

    assert.equal(isPage, true);
    assert.deepEqual(served.sort(), [
      ['console.css', 'text/css; charset=utf-8', true],
      ['console.js', 'text/javascript; charset=utf-8', true],
      ['icon.svg', 'image/svg+xml', true],
      ['licences.txt', 'text/plain; charset=utf-8', true],
    ]);
    const { dependencies } = readManifest(at('node_modules/tutti'));
    assert.ok(!('react' in dependencies || 'esbuild' in dependencies));
  });

  it("compiles a third party's module against its types, records included, and passes that module's test", () => {
    verifies('R3.third-party', 'R14.examples');
    cpSync(join(root, 'examples/modules/fleet'), at('fleet'), { recursive: true });
    run('node', [...tsc, '-p', at('fleet')], { cwd: folder.path });

    const test = ['--test', '--test-isolation=none', 'dist/test/insurance-watch.test.js'];
    const { stdout } = run('node', test, {
      cwd: at('fleet'),
    });

    assert.match(stdout, /pass 1\b/);
  });

  it("runs that module's workflow from a folder that has nothing but the two packages", () => {
    verifies('R3.third-party', 'R13.package');
    const { version } = readManifest(at('node_modules/tutti'));
    mkdirSync(at('node_modules/tutti-fleet'));
    for (const each of ['dist', 'package.json']) {
      cpSync(at('fleet', each), at('node_modules/tutti-fleet', each), { recursive: true });
    }
    writeFileSync(
      at('tutti.config.ts'),
      `import { fleet } from 'tutti-fleet';\nimport { defineConfig } from 'tutti';\n\nexport default defineConfig({ modules: [fleet] });\n`,
    );
    const tutti = (...args: string[]) =>
      run('node', ['node_modules/tutti/bin/tutti.mjs', ...args], {
        cwd: folder.path,
        env: { DATABASE_URL: fresh.url, TUTTI_DATA: at('.tutti') },
      });

    const ended = JSON.parse(tutti('run', 'fleet_check', '--json').stdout) as Record<
      string,
      unknown
    >;

    assert.equal(ended.status, 'succeeded');
    assert.deepEqual(ended.modules, ['fleet']);
    // Four companies, with one car each whose insurance has ended and one whose insurance ends soon.
    assert.deepEqual([ended.agents, ended.findings], [4, 8]);
    assert.match(
      tutti('findings').stdout,
      /MCG-DE .*The insurance of MCG-DE-\d+ ended on 2026-06-29/,
    );
    assert.ok(tutti('version').stdout.includes(version));
  });
});

/** What `npm install` of the packed file leaves, without a registry: its own dependencies come from the repository. */
function install(folder: string): void {
  const { stdout } = run('npm', ['pack', './dist', '--json', '--pack-destination', folder], {
    cwd: root,
  });
  const packed = JSON.parse(stdout) as
    | { readonly filename: string }[]
    | Record<string, { readonly filename: string }>;
  const [{ filename = '' } = {}] = Object.values(packed);
  const target = join(folder, 'node_modules/tutti');
  mkdirSync(target, { recursive: true });
  run('tar', ['-xzf', join(folder, filename), '-C', target, '--strip-components=1'], {
    cwd: folder,
  });
  const { dependencies, optionalDependencies } = readManifest(target);
  const needed = [
    ...Object.keys(dependencies),
    ...Object.keys(optionalDependencies),
    '@types/node',
  ];
  for (const name of needed) {
    const link = join(folder, 'node_modules', name);
    mkdirSync(dirname(link), { recursive: true });
    symlinkSync(join(root, 'node_modules', name), link, 'junction');
  }
}

function readManifest(folder: string): Manifest {
  return JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
}

/** Runs a program to its end. `node` is this process's own. */
function run(
  program: string,
  args: readonly string[],
  options: { readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): { readonly stdout: string } {
  const command = program === 'node' ? process.execPath : program;
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    cwd: options.cwd,
    encoding: 'utf8',
    timeout: patienceMs,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, ...compileCacheEnv, ...options.env },
  });
  assert.ok(status === 0, `${program} ${args.join(' ')}: ${error ?? status}\n${stdout}\n${stderr}`);
  return { stdout };
}
