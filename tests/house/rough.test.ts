import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { promisify } from 'node:util';
import { root } from '../../scripts/checks.ts';
import { scratchFolder } from '../support/scratch.ts';
import { verifies } from '../support/verifies.ts';

const script = join(root, 'scripts/rough.ts');
const ownDelay = JSON.stringify(pathToFileURL(join(root, 'tests/support/own-delay.ts')).href);

/** A test that tells how it fared. */
const telling = `
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { connect, createServer as listen, Socket } from 'node:net';
import { text } from 'node:stream/consumers';
import { OwnDelay } from ${ownDelay};

async function opened(server) {
  await once(server.listen(0, '127.0.0.1').unref(), 'listening');
  return server.address().port;
}

/** How long forty answers take, ms. */
async function answered() {
  const port = await opened(listen((socket) => socket.pipe(socket)));
  const from = performance.now();
  for (let each = 0; each < 5; each += 1) {
    const socket = connect(port, '127.0.0.1');
    for (let time = 0; time < 8; time += 1) {
      socket.write('x');
      await once(socket, 'data');
    }
    socket.destroy();
  }
  return performance.now() - from;
}

/** What ten connections bring until their ends, which whoever reads slowly hears of, too. */
async function brought() {
  const port = await opened(listen((socket) => {
    for (let each = 0; each < 500; each += 1) socket.write(each + ' '.repeat(1000));
    socket.end('end');
  }));
  const all = await Promise.all(Array.from({ length: 10 }, () => text(connect(port, '127.0.0.1'))));
  return all.map((each) => each.split(/ +/).join(' '));
}

/** What servers of HTTP were sent that came through their sockets. */
async function posted() {
  let chunks = 0;
  const { push } = Socket.prototype;
  Socket.prototype.push = function (...args) {
    chunks += this.parser && this.server && args[0] ? 1 : 0;
    return push.apply(this, args);
  };
  const port = await opened(createServer(async (request, response) => response.end(await text(request))));
  const response = await fetch('http://127.0.0.1:' + port, { method: 'POST', body: 'a body', headers: { connection: 'close' } });
  return { chunks, body: await response.text() };
}

async function spawned() {
  const child = spawn(process.execPath, ['-e', 'console.log(process.env.ROUGH_SEED)']);
  return (await text(child.stdout)).trim();
}

/** How long this thread is held in a while, ms. */
async function held() {
  const delay = new OwnDelay();
  await new Promise((resolve) => setTimeout(resolve, 300));
  return delay.end().p99Ms;
}

/** By chance it may be little: the most of what is measured again until it is enough, or has been measured fifty times. */
async function most(measure, enough) {
  let found = 0;
  for (let time = 0; time < 50 && found <= enough; time += 1) found = Math.max(found, await measure());
  return found;
}

it('tells', async () => {
  const told = {
    answeredMs: await most(answered, 100),
    brought: await brought(),
    posted: await posted(),
    seeds: [process.env.ROUGH_SEED, await spawned(), await spawned()],
    heldMs: await most(held, 20),
  };
  console.log('told ' + JSON.stringify(told));
});
`;

interface Told {
  readonly answeredMs: number;
  readonly brought: readonly string[];
  readonly posted: { readonly chunks: number; readonly body: string };
  readonly seeds: readonly string[];
  readonly heldMs: number;
}

/** Runs the test on a rough machine with this seed. */
async function rough(seed?: string): Promise<{ readonly stdout: string; readonly told: Told }> {
  using folder = scratchFolder({ 'one.test.mjs': telling });
  const { ROUGH_SEED: _, NODE_OPTIONS: __, ...env } = process.env;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [script, join(folder.path, 'one.test.mjs')],
    { env: { ...env, ...(seed !== undefined && { ROUGH_SEED: seed }) } },
  );
  const [, json = ''] = /^told (.*)$/m.exec(stdout) ?? [];
  return { stdout, told: JSON.parse(json) as Told };
}

describe('npm run test:rough', () => {
  let first: Awaited<ReturnType<typeof rough>>;

  before(async () => {
    first = await rough();
  });

  it('lets what sockets bring come late, whole, in order, and with its end', () => {
    verifies('R14.house-rules');
    const whole = `${Array.from({ length: 500 }, (_, each) => each).join(' ')} end`;

    assert.ok(first.told.answeredMs > 100, `${first.told.answeredMs} ms for forty answers`);
    assert.deepEqual(first.told.brought, Array(10).fill(whole));
    assert.deepEqual(first.told.posted, { chunks: first.told.posted.chunks, body: 'a body' });
    assert.ok(first.told.posted.chunks > 0, 'a server of HTTP reads past its sockets');
  });

  it('holds the main thread', () => {
    assert.ok(first.told.heldMs > 20, `held for ${first.told.heldMs} ms`);
  });

  it('says its seed, takes it again, and gives each process one of its own that follows from it', async () => {
    const [seed, ...children] = first.told.seeds;

    const again = await rough(seed);

    assert.match(first.stdout, new RegExp(`^ROUGH_SEED=${seed} .*npm run test:rough`));
    assert.deepEqual(again.told.seeds, first.told.seeds);
    assert.equal(new Set([seed, ...children]).size, 3);
  });
});
