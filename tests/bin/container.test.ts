import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { root } from '../../scripts/checks.ts';
import { compileCacheEnv } from '../support/compile-cache.ts';
import { freePort } from '../support/free-port.ts';
import { type FreshDatabase, freshDatabase } from '../support/postgres.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const dockerfile = readFileSync(join(root, 'Dockerfile'), 'utf8').replace(/\\\n/g, ' ');
const lineOf = (word: string): string =>
  new RegExp(`^${word} (.+)$`, 'm').exec(dockerfile.slice(dockerfile.lastIndexOf('FROM ')))?.[1] ??
  '';
const listOf = (line: string): readonly string[] =>
  JSON.parse(/\[.*\]/.exec(line)?.[0] ?? '[]') as readonly string[];

/** What the image sets. */
const imageEnv = Object.fromEntries(
  lineOf('ENV')
    .split(/\s+/)
    .map((each) => each.split('=') as [string, string]),
);
const health = listOf(lineOf('HEALTHCHECK'));

/** A folder with exactly what the image has; TUTTI_TEST_PACKAGES names the packages of `npm ci --omit=dev --omit=optional`, if they are there. */
function imageFolder(): Disposable & { readonly path: string } {
  const folder = scratchFolder({});
  const kept = readFileSync(join(root, '.dockerignore'), 'utf8').matchAll(/^!(.+)$/gm);
  for (const [, name = ''] of kept) {
    mkdirSync(dirname(join(folder.path, name)), { recursive: true });
    cpSync(join(root, name), join(folder.path, name), { recursive: true });
  }
  symlinkSync(
    process.env.TUTTI_TEST_PACKAGES ?? join(root, 'node_modules'),
    join(folder.path, 'node_modules'),
  );
  return folder;
}

describe('the container', function () {
  this.timeout(180_000);
  const folder = imageFolder();
  let fresh: FreshDatabase | undefined;

  before(async () => {
    fresh = await freshDatabase();
    writeFileSync(join(folder.path, 'url'), `${fresh.url}\n`);
  });
  after(async function () {
    folder[Symbol.dispose]();
    await fresh?.drop(this);
  });

  const env = (port: number): Record<string, string> => ({
    ...imageEnv,
    ...compileCacheEnv,
    PATH: dirname(process.execPath),
    DATABASE_URL_FILE: join(folder.path, 'url'),
    TUTTI_DATA: join(folder.path, 'data'),
    TUTTI_HOST: '127.0.0.1',
    TUTTI_PORT: String(port),
  });
  const isHealthy = async (port: number): Promise<boolean> => {
    const [, ...args] = health;
    const [code] = await once(spawn(process.execPath, args, { env: env(port) }), 'exit');
    return code === 0;
  };

  it('serves with what is in the image, answers its health check, and ends in order on SIGTERM', async () => {
    verifies('R13.docker', 'R13.graceful');
    const port = await freePort();
    assert.equal(await isHealthy(port), false);
    const [program, ...args] = [...listOf(lineOf('ENTRYPOINT')), ...listOf(lineOf('CMD'))];
    assert.equal(program, 'node');
    const child = spawn(process.execPath, args, { cwd: folder.path, env: env(port) });
    let said = '';
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding('utf8').on('data', (text: string) => {
        said += text;
      });

    const deadline = performance.now() + 120_000;
    while (!/Serving until/.test(said)) {
      assert.ok(child.exitCode === null && performance.now() < deadline, said);
      await sleep(20);
    }
    const isUp = await isHealthy(port);
    const ready = await fetch(`http://127.0.0.1:${port}/readyz`);
    const refused = await fetch(`http://127.0.0.1:${port}/v1/runs`);
    child.kill('SIGTERM');
    const [code] = (await once(child, 'close')) as [number | null];

    assert.equal(isUp, true, said);
    assert.equal(ready.status, 200);
    assert.equal(refused.status, 401);
    assert.equal(code, 0, said);
    assert.match(said, /^Ending: nothing new starts/m);
    assert.equal(existsSync(join(folder.path, '.tutti')), false);
  });
});
