import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isNewEnough, nodeFlagsIn, nodeOnPath, packagedNode } from '../../bin/node24.mjs';
import { root } from '../../scripts/checks.ts';
import { whatIsMissing } from '../../scripts/ensure-install.mjs';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const launch = join(root, 'scripts/launch.mjs');

describe('launch', () => {
  it('runs a TypeScript file under Node 24 with its arguments, and ends with its exit code', async () => {
    using folder = scratchFolder({
      'child.ts':
        'console.log(process.version, ...(process.argv.slice(2) as string[]));\nprocess.exitCode = 7;\n',
    });

    const { code, output } = await run([launch, join(folder.path, 'child.ts'), 'start', '--exit']);

    assert.match(output, /^v24\.\S+ start --exit\n$/);
    assert.equal(code, 7);
    verifies('R13.two-commands');
  });

  it('hands a signal on once, though the terminal and npm both send it', async () => {
    using folder = scratchFolder({
      'child.ts':
        "let n = 0;\nprocess.on('SIGINT', () => { n += 1; console.log('interrupted'); });\n" +
        "process.on('SIGTERM', () => process.exit(n));\nsetInterval(() => {}, 1000);\nconsole.log('ready');\n",
    });
    // A machine that is busy may let more time pass between two of them than makes them one.
    const counts: unknown[] = [];
    while (counts.length < 10 && !counts.includes(1)) counts.push(await signalled(folder.path));

    assert.ok(counts.includes(1), String(counts));
  });

  it('ends by the signal that ended its child', async () => {
    using folder = scratchFolder({
      'child.ts': "process.kill(process.pid, 'SIGTERM');\nsetInterval(() => {}, 1000);\n",
    });

    const [, signal] = await once(start([launch, join(folder.path, 'child.ts')]), 'exit');

    assert.equal(signal, 'SIGTERM');
  });

  it('leaves nothing running when it is killed', async () => {
    using folder = scratchFolder({
      'child.ts': 'console.log("pid", process.pid);\nsetInterval(() => {}, 1000);\n',
    });
    const child = start([launch, join(folder.path, 'child.ts')]);
    const pid = Number((await said(child, 'pid')).replace(/\D+/, ''));

    child.kill('SIGKILL');

    // 'close' comes when the last holder of the output is gone: the launcher, and what it ran.
    const closed = once(child, 'close', { signal: AbortSignal.timeout(60_000) });
    await assert.doesNotReject(closed).finally(() => endIfAlive(pid));
  });
});

describe('what Node runs Tutti with', () => {
  /** What a process says of itself, given flags. */
  const tell = (flags: readonly string[], what: string, env: NodeJS.ProcessEnv = {}): string =>
    execFileSync(process.execPath, [...flags, '-p', what], { env, encoding: 'utf8' }).trim();

  it('leaves Node’s own modules compiled as they come with it', () => {
    const tag = 'v8.cachedDataVersionTag()';

    assert.equal(tell(nodeFlagsIn({}), tag), tell([], tag));
    assert.notEqual(tell(['--heap-growing-percent=100'], tag), tell([], tag), 'it can be told');
  });

  it('lets a heap become no larger than what is collected when it has doubled, or what somebody has chosen', () => {
    const limit = 'v8.getHeapStatistics().heap_size_limit / 2 ** 20';
    const chosen = { NODE_OPTIONS: '--max-old-space-size=3000' };

    assert.ok(Number(tell(nodeFlagsIn({}), limit)) < 2_100);
    assert.ok(Number(tell(nodeFlagsIn(chosen), limit, chosen)) >= 3_000);
  });
});

describe('the tutti command', () => {
  it('says NODE_TOO_OLD and what to do where no Node is new enough', async () => {
    using folder = scratchFolder({});
    cpSync(join(root, 'bin'), join(folder.path, 'bin'), { recursive: true });
    const old = `data:text/javascript,Object.defineProperty(process,'version',{value:'v20.19.0'})`;

    const { code, output } = await run(['--import', old, join(folder.path, 'bin/tutti.mjs')], {
      PATH: folder.path,
    });

    assert.match(output, /^NODE_TOO_OLD: .*24 or later; this is v20\.19\.0.*npm install node@24/);
    assert.equal(code, 1);
  });

  it('finds a Node that is new enough beside it and on PATH', () => {
    const packaged = packagedNode(import.meta.url);

    assert.ok(packaged);
    assert.equal(nodeOnPath(`/nowhere:${join(packaged, '..')}`), packaged);
    assert.equal(nodeOnPath('/nowhere'), null);
    assert.deepEqual(['v20.19.0', 'v24.0.0', 'v26.1.0'].map(isNewEnough), [false, true, true]);
  });
});

describe('the installation', () => {
  it('is complete here', () => {
    assert.equal(whatIsMissing(root), null);
  });

  it('says what differs from the lockfile', () => {
    const lock = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
      packages: Record<string, { version: string }>;
    };
    const missing = (packages: object, installed?: object): string | null => {
      using folder = scratchFolder({
        'package-lock.json': JSON.stringify({ packages }),
        ...(installed && {
          'node_modules/.package-lock.json': JSON.stringify({ packages: installed }),
          'node_modules/zod/package.json': '{}',
        }),
      });
      return whatIsMissing(folder.path);
    };
    const zod = (version: string) => ({ 'node_modules/zod': { version } });

    assert.equal(missing(lock.packages), 'nothing is installed yet');
    assert.equal(missing(zod('2.0.0'), zod('1.0.0')), 'zod is 1.0.0 and should be 2.0.0');
    assert.equal(missing(zod('1.0.0'), {}), 'zod is not installed');
    assert.equal(missing(zod('1.0.0'), zod('1.0.0')), null);
    assert.equal(
      missing({ 'node_modules/a': { version: '1.0.0', optional: true, os: ['none'] } }, {}),
      null,
    );
    assert.equal(
      missing(
        { 'node_modules/a': { version: '1.0.0', optional: true, os: [process.platform] } },
        {},
      ),
      'a is not installed',
    );
  });
});

/** How many interrupts a child heard of three, the last of which comes after it heard the first. */
async function signalled(folder: string): Promise<unknown> {
  const child = start([launch, join(folder, 'child.ts')]);
  await said(child, 'ready');
  child.kill('SIGINT');
  child.kill('SIGINT');
  await said(child, 'interrupted');
  child.kill('SIGINT');
  child.kill('SIGTERM');
  const [code] = (await once(child, 'exit')) as [unknown];
  return code;
}

function endIfAlive(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // it has ended, as it should
  }
}

function start(args: readonly string[], env: NodeJS.ProcessEnv = {}): ChildProcess {
  return spawn(process.execPath, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
}

async function run(
  args: readonly string[],
  env: NodeJS.ProcessEnv = {},
): Promise<{ readonly code: number | null; readonly output: string }> {
  const child = start(args, env);
  let output = '';
  child.stdout?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.setEncoding('utf8').on('data', (chunk) => {
    output += chunk;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  return { code, output };
}

/** Waits until the child says `word`. */
function said(child: ChildProcess, word: string): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout?.setEncoding('utf8').on('data', (chunk: string) => {
      if (chunk.includes(word)) resolve(chunk);
    });
    child.once('exit', () => reject(new Error(`ended before it said '${word}'`)));
  });
}
