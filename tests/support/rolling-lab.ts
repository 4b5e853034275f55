import assert from 'node:assert/strict';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { readWatch, type Watched, watchClaims } from './claim-watch.ts';
import { assertWhole, type WorkRun } from './crash-bars.ts';
import { CrashLab } from './crash-lab.ts';
import { scratchFolder } from './scratch.ts';
import { type ServedPlace, type ServedProcess, startServed } from './served-process.ts';

const config = fileURLToPath(new URL('./fixtures/crash.config.ts', import.meta.url));
/** The tenant that callers of this machine speak for. */
const tenant = 'sample-1';
/** So many runs are open at any time, each of so many items; an item is four agents. */
const openAtOnce = 16;
const itemsOfARun = 4;
const lookMs = 25;
const warmMs = 5_000;
const answerWithinMs = 30_000;
const endWithinMs = 240_000;

/** What a rolling restart is to be like. */
export interface Rolling {
  /** Of the two servers. */
  readonly places: readonly [ServedPlace, ServedPlace];
  readonly baselineMs: number;
  readonly lengthMs: number;
  readonly everyMs: number;
}

/** What came of it. */
export interface Rolled {
  readonly watched: Watched;
  readonly runs: number;
  /** Requests that were made again, at the other server, under the key that they had. */
  readonly repeated: number;
  readonly kills: number;
  readonly drains: number;
  readonly takeovers: number;
  /** Steps of agents that succeeded, a second. */
  readonly baselineRate: number;
  readonly rollingRate: number;
  /** From its submission to its end, milliseconds. */
  readonly longestRunMs: number;
}

interface Server extends ServedProcess {
  readonly engineId: string;
}

/** Two servers on one database, a stream of runs through their API, and somebody who restarts one after the other. */
export class RollingLab {
  readonly #lab: CrashLab;
  readonly #options: Rolling;
  readonly #folder = scratchFolder({});
  readonly #servers: (Server | null)[] = [null, null];
  readonly #runs: WorkRun[] = [];
  /** When the process of an engine was killed. */
  readonly #deaths = new Map<string, number>();
  #turn = 0;
  #repeated = 0;
  #isStreaming = true;

  private constructor(lab: CrashLab, options: Rolling) {
    this.#lab = lab;
    this.#options = options;
  }

  static async open(options: Rolling): Promise<RollingLab> {
    const lab = await CrashLab.open(tenant);
    await watchClaims(lab);
    lab.review();
    return new RollingLab(lab, options);
  }

  async close(context?: Mocha.Context): Promise<void> {
    this.#isStreaming = false;
    for (const server of this.#servers) server?.kill('SIGKILL');
    await Promise.all(this.#servers.map((server) => server?.ended));
    await this.#lab.close(context);
    this.#folder[Symbol.dispose]();
  }

  /** Measures undisturbed, then restarts for as long as is said, ends everything and looks at what is left. */
  async roll(): Promise<Rolled> {
    const { baselineMs } = this.#options;
    for (const at of [0, 1]) await this.#start(at);
    const streaming = this.#stream();
    // A stream that fails is told of when it is awaited.
    streaming.catch(() => {});
    await sleep(warmMs);
    const baselineRate = await this.#rateOf(() => sleep(baselineMs));
    const rollingRate = await this.#rateOf(() => this.#restart());
    this.#isStreaming = false;
    await streaming;
    await this.#lab.until(
      'the end of all runs',
      async () => (await this.#open()) === 0,
      endWithinMs,
    );
    const drains = await this.#end();
    await assertWhole(this.#lab, this.#runs);
    await this.#assertAccepted();
    const [row] = await this.#lab.query<{ takeovers: number; longest: number }>(
      `SELECT sum(takeovers)::int AS takeovers, max(extract(epoch FROM ended_at - created_at) * 1000)::float8 AS longest FROM tutti.run`,
    );
    return {
      watched: await readWatch(this.#lab, this.#deaths),
      ...{ runs: this.#runs.length, repeated: this.#repeated, baselineRate, rollingRate },
      ...{ kills: this.#deaths.size, drains: drains - 2 },
      ...{ takeovers: row?.takeovers ?? 0, longestRunMs: row?.longest ?? 0 },
    };
  }

  /** Each in turn, and each alternately: asked to end, killed, killed, asked to end. */
  async #restart(): Promise<void> {
    const { everyMs, lengthMs } = this.#options;
    const began = performance.now();
    for (let count = 0; (count + 1) * everyMs <= lengthMs; count += 1) {
      await sleep(Math.max(0, began + count * everyMs - performance.now()));
      const isKilled = (count + Math.floor(count / 2)) % 2 === 1;
      await this.#stop(count % 2, isKilled ? 'SIGKILL' : 'SIGTERM');
      await this.#start(count % 2);
    }
    await sleep(Math.max(0, began + lengthMs - performance.now()));
  }

  #ended = 0;

  async #stop(at: number, signal: 'SIGKILL' | 'SIGTERM'): Promise<void> {
    const server = this.#servers[at];
    assert.ok(server, `server ${at} does not run`);
    if (signal === 'SIGKILL') this.#deaths.set(server.engineId, Date.now());
    server.kill(signal);
    const { code, stderr } = await server.ended;
    this.#servers[at] = null;
    if (signal === 'SIGKILL') return;
    // It warns of what it took over from the dead.
    const worse = stderr
      .split('\n')
      .filter((line) => line !== '' && !line.includes('"level":"warn"'));
    assert.deepEqual({ code, worse }, { code: 0, worse: [] });
    this.#ended += 1;
  }

  async #start(at: number): Promise<void> {
    const known = (await this.#engines()).map(({ id }) => id);
    const place = this.#options.places[at] as ServedPlace;
    const env = { DATABASE_URL: this.#lab.fresh.url, ...this.#lab.oracle.env, LAB_THREADS: '1' };
    const served = await startServed({ config, cwd: this.#folder.path, env, place });
    const [mine, ...others] = (await this.#engines()).filter(({ id }) => !known.includes(id));
    assert.ok(mine && others.length === 0, 'one engine has come');
    assert.ok(place.kind === 'here' || mine.host === place.name, `it calls itself ${mine.host}`);
    this.#servers[at] = { ...served, engineId: mine.id };
  }

  #engines(): Promise<readonly { readonly id: string; readonly host: string }[]> {
    return this.#lab.query('SELECT id, host FROM tutti.engine');
  }

  async #end(): Promise<number> {
    for (const at of [0, 1]) await this.#stop(at, 'SIGTERM');
    return this.#ended;
  }

  /** Keeps as many runs open as are said. */
  async #stream(): Promise<void> {
    while (this.#isStreaming) {
      for (let open = await this.#open(); open < openAtOnce; open += 1) await this.#submit();
      await sleep(lookMs);
    }
  }

  /** Posts a run under a key until a server has accepted it, as a caller behind a load balancer does. */
  async #submit(): Promise<void> {
    const name = `r${this.#runs.length}`;
    const items = Array.from({ length: itemsOfARun }, (_, index) => `${name}-${1_000 + index}`);
    const body = JSON.stringify({
      workflow: 'crash.work',
      key: name,
      input: { items: items.map((id) => ({ id })) },
    });
    const deadline = performance.now() + answerWithinMs;
    for (;;) {
      const id = await this.#post(body);
      if (id !== null) {
        this.#runs.push({ id, items });
        return;
      }
      assert.ok(performance.now() < deadline, `nobody accepts ${name}`);
      this.#repeated += 1;
      await sleep(lookMs);
    }
  }

  /** The id of the run that a server has accepted, or null where none has answered. */
  async #post(body: string): Promise<string | null> {
    this.#turn += 1;
    const server = this.#servers[this.#turn % 2];
    if (!server) return null;
    const headers = { 'content-type': 'application/json' };
    const signal = AbortSignal.timeout(answerWithinMs);
    try {
      const response = await fetch(`${server.url}/v1/runs`, {
        method: 'POST',
        headers,
        body,
        signal,
      });
      const answer = (await response.json()) as { readonly id?: string };
      if (response.status === 503 || response.status === 429) return null;
      assert.equal(response.status, 202, JSON.stringify(answer));
      return answer.id ?? null;
    } catch (error) {
      // The connection was refused or broken: nobody knows whether it was heard.
      if (error instanceof TypeError || error instanceof SyntaxError) return null;
      throw error;
    }
  }

  async #open(): Promise<number> {
    const [row] = await this.#lab.query<{ open: number }>(
      'SELECT count(*)::int AS open FROM tutti.run WHERE ended_at IS NULL',
    );
    return row?.open ?? 0;
  }

  /** Steps of agents that succeeded a second while something went on. */
  async #rateOf(goOn: () => Promise<void>): Promise<number> {
    const from = new Date();
    await goOn();
    const to = new Date();
    const [row] = await this.#lab.query<{ steps: number }>(
      `SELECT count(*)::int AS steps FROM tutti.step WHERE agent IS NOT NULL AND status = 'succeeded' AND ended_at >= $1 AND ended_at < $2`,
      [from, to],
    );
    return ((row?.steps ?? 0) * 1_000) / (to.getTime() - from.getTime());
  }

  /** What was accepted is there, once a key, and nothing else is. */
  async #assertAccepted(): Promise<void> {
    const rows = await this.#lab.query<{ id: string; key: string }>(
      'SELECT id, key FROM tutti.run ORDER BY id',
    );
    const named = (run: { readonly id: string; readonly key: string }) => `${run.key} ${run.id}`;
    assert.deepEqual(
      rows.map(named).toSorted(),
      this.#runs.map(({ id }, index) => named({ id, key: `r${index}` })).toSorted(),
    );
  }
}
