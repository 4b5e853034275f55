import assert from 'node:assert/strict';
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { Agent, request } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { type Running, shopConfig, startCli, useCli } from '../bin/cli.ts';
import type { Cut } from '../support/drip.ts';
import type { Dripped, Dripping } from '../support/fixtures/dripper.ts';
import { waitedMs } from '../support/own-delay.ts';

/** The bounds that every server has, and what a busy machine may add to the moment at which a client is cut off. */
const bounds = { headMs: 10_000, requestMs: 30_000, checkMs: 1_000 };
const slackMs = 5_000;
const stormMs = 60_000;
const askEveryMs = 50;

/*
 * The server, the storm and the good client have processes of their own, all on the cores of one machine: the time in which the server and the
 * good client wait for a core does not count. The storm's clients begin anew when they are cut off. The good
 * client asks in turn on a connection that it keeps and on a new one.
 */
describe('a storm of clients that send slowly', function () {
  this.timeout(600_000);
  const lab = useCli(shopConfig);
  let server: Running;
  let port = 0;
  let key = '';

  before(async () => {
    const place = { ...lab, cwd: lab.cwd, env: { ...lab.env, TUTTI_KEYS_ONLY: 'true' } };
    server = startCli(place, ['serve', '--port', '0', '--config', shopConfig]);
    const said = await server.says(/Serving until/);
    port = Number(/http:\/\/127\.0\.0\.1:(\d+)/.exec(said)?.[1]);
    key = /tutti_[0-9a-f]{12}_[\w-]{43}/.exec(said)?.[0] ?? '';
  });
  after(async () => {
    server.child.kill('SIGTERM');
    await server.ended;
  });

  it('leaves room for one who does not: 5,000 heads and 1,000 bodies (D3)', async () => {
    const { dripped, good } = await weather({ heads: 5_000, bodies: 1_000 });

    assert.ok(dripped.heads.length >= 5_000, `${dripped.heads.length} heads`);
    assert.ok(dripped.bodies.length >= 1_000, `${dripped.bodies.length} bodies`);
    for (const { said } of [...dripped.heads, ...dripped.bodies])
      assert.match(said, /^HTTP\/1\.1 408 /);
    assert.ok(latest(dripped.heads) < bounds.headMs + bounds.checkMs + slackMs);
    assert.ok(latest(dripped.bodies) < bounds.requestMs + bounds.checkMs + slackMs);
    assertServed(good, 500);
  });

  it('leaves room for one who does not when they are more than the connections that there may be', async () => {
    const { dripped, good } = await weather({ heads: 9_000, bodies: 1_500 });

    assert.ok(latest(dripped.bodies) < bounds.requestMs + bounds.checkMs + slackMs);
    // Each newcomer costs somebody a place, and each that is put out comes again: a thousand connections a second.
    assertServed(good, 1_000);
  });

  /** One storm, of two processes, and what became of the good client meanwhile. */
  async function weather({ heads, bodies }: Pick<Dripping, 'heads' | 'bodies'>): Promise<{
    readonly dripped: Dripped;
    readonly good: Asked;
  }> {
    const calm = await askUntil(pause(5_000));
    const storm = Promise.all(
      [1, 2].map((net) =>
        dripFromOutside({ port, net, heads: heads / 2, bodies: bodies / 2, forMs: stormMs }),
      ),
    );
    const good = await askUntil(storm);
    const parts = await storm;
    const dripped = {
      heads: parts.flatMap(({ heads }) => heads),
      bodies: parts.flatMap(({ bodies }) => bodies),
      unmade: parts.reduce((sum, { unmade }) => sum + unmade, 0),
    };
    console.log('heads', saidBy(dripped.heads), latest(dripped.heads));
    console.log('bodies', saidBy(dripped.bodies), latest(dripped.bodies));
    console.log('connections that were not made', dripped.unmade);
    console.log('calm', told(calm));
    console.log('storm', told(good));
    return { dripped, good };
  }

  /** Asks again and again until something is over. */
  async function askUntil(over: Promise<unknown>): Promise<Asked> {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    const asked: Asked = { tookMs: [], ownMs: [], failed: [] };
    let isOver = false;
    void over.finally(() => {
      isOver = true;
    });
    const bothWaitedMs = () =>
      waitedMs(firstThreadOf(server.child)) + waitedMs(firstThreadOf(process));
    for (let no = 0; !isOver; no += 1) {
      // The list is counted, and a minute has 600 of them.
      const path = no % 4 === 0 ? '/v1/runs?limit=1' : '/livez';
      const kept = no % 2 === 0 ? agent : false;
      const waited = bothWaitedMs();
      const tookMs = await timed(async () => {
        const status = await ask(path, kept).catch(String);
        if (status !== 200) asked.failed.push(`${path}: ${status}`);
      });
      asked.tookMs.push(tookMs);
      const waits = bothWaitedMs() - waited;
      asked.ownMs.push(Math.max(0, tookMs - waits));
      await pause(askEveryMs);
    }
    agent.destroy();
    return asked;
  }

  function ask(path: string, agent: Agent | false): Promise<number> {
    return new Promise((resolve, reject) => {
      const headers = { authorization: `Bearer ${key}` };
      const sent = request({ host: '127.0.0.1', port, path, headers, agent });
      sent.once('error', reject);
      sent.once('response', (response) => {
        response.resume();
        response.once('end', () => resolve(response.statusCode ?? 0));
      });
      sent.end();
    });
  }
});

interface Asked {
  readonly tookMs: number[];
  /** Without the time in which the server and the client waited for a core. */
  readonly ownMs: number[];
  readonly failed: string[];
}

function told({ tookMs, ownMs }: Asked): object {
  const longestAt = tookMs.indexOf(Math.max(...tookMs));
  return {
    ...{ asked: tookMs.length, p50Ms: at(tookMs, 0.5), p99Ms: p99Of(tookMs) },
    ...{ longestMs: at(tookMs, 1), longestAt, ownP99Ms: p99Of(ownMs), ownLongestMs: at(ownMs, 1) },
  };
}

/** All of them, and 99 of 100 within the time. */
function assertServed({ ownMs, failed }: Asked, mostMs: number): void {
  assert.deepEqual(failed, []);
  assert.ok(p99Of(ownMs) <= mostMs, `p99 ${p99Of(ownMs)} ms`);
}

function firstThreadOf({ pid = 0 }: { readonly pid?: number | undefined }): string {
  return `${pid}/task/${pid}`;
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = performance.now();
  await work();
  return performance.now() - from;
}

async function dripFromOutside(asked: Dripping): Promise<Dripped> {
  const dripper = fork(new URL('../support/fixtures/dripper.ts', import.meta.url));
  dripper.send(asked);
  const [dripped] = (await once(dripper, 'message')) as [Dripped];
  return dripped;
}

function at(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0;
}

function p99Of(values: readonly number[]): number {
  return at(values, 0.99);
}

function latest(cuts: readonly Cut[]): number {
  return Math.max(...cuts.map(({ afterMs }) => afterMs));
}

/** How often which status was the answer; '': closed without one. */
function saidBy(cuts: readonly Cut[]): Readonly<Record<string, number>> {
  const counted: Record<string, number> = {};
  for (const { said } of cuts) {
    const status = said.slice(9, 12);
    counted[status] = (counted[status] ?? 0) + 1;
  }
  return counted;
}
