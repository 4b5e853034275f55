import assert from 'node:assert/strict';
import type pg from 'pg';
import { systemClock } from '../../../core/base/clock.ts';
import { Engine } from '../../../core/engine/engine.ts';
import type { Config } from '../../../core/ports/config.ts';
import { memoryConnector } from '../../../core/ports/erp/memory.ts';
import { openBatch } from '../../../core/ports/models/batch/batch-open.ts';
import type { ModelTarget } from '../../../core/ports/models/model.ts';
import type { Profiles } from '../../../core/ports/models/profiles.ts';
import { loadRegistry } from '../../../core/sdk/registry.ts';
import { type BatchServer, startBatchServer } from '../../support/batch-server.ts';
import type { BatchAnswer } from '../../support/batch-world.ts';
import { requestOf } from '../../support/engine.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { KeptThreads } from '../../support/kept-threads.ts';
import type { ModelCallSeen, ServerReply } from '../../support/model-server.ts';
import { type FreshDatabase, freshDatabase } from '../../support/postgres.ts';
import config from './fixtures/batch.config.ts';

export type Provider = 'openai' | 'anthropic';

/** A ledger row, as far as money goes. */
export interface LedgerLine {
  readonly step: number;
  readonly state: string;
  readonly reserved: number;
  readonly cost: number;
  readonly batch: boolean;
}

// A stream is asked for with a few bytes more, which must not count here.
const usage = { input: 100, output: 20 };

/** What the model says: a call of the tool first where there is one, then the answer. */
export function says({ messages, tools }: ModelCallSeen): ServerReply {
  const [first] = messages;
  const id = /"id":"([^"]+)"/.exec(first?.kind === 'text' ? first.text : '')?.[1] ?? '';
  const result = messages.find((each) => each.kind === 'result');
  const [tool] = tools;
  if (tool && !result) {
    const call = { name: tool.name, args: { id }, id: `call_${id}` };
    return { calls: [call], usage };
  }
  const seen = result?.kind === 'result' ? ` with ${result.content}` : '';
  return { text: JSON.stringify({ text: `${id}${seen}` }), usage };
}

const dayMs = 86_400_000;
const marginMs = 300_000;

/** Now, or in the last minutes of a day in UTC the first of the next: budgets are a day's, and tests let minutes pass. */
function withinADay(): number {
  const now = Date.now();
  return dayMs - (now % dayMs) > marginMs ? now : now + marginMs;
}

/** Engines with a real thread over a provider's batch server, in time that a test moves. */
export class BatchLab {
  readonly clock = new FakeClock(withinADay());
  readonly server: BatchServer;
  readonly pool: pg.Pool;
  readonly #fresh: FreshDatabase;
  readonly #provider: Provider;
  #engine: Engine | null = null;
  /** Of all engines of this lab, which load the same. */
  #threads: KeptThreads | null = null;
  /** Whose runs these are; each test that shares an engine with others has a tenant of its own. */
  tenantId = 1;
  /** How far the provider had come when the test began. */
  #began = { batches: 0, requests: 0, direct: 0 };
  /** What batches answer to a request; null: what a direct call is answered. */
  answer: ((call: ModelCallSeen) => BatchAnswer | null) | null = null;

  private constructor(server: BatchServer, fresh: FreshDatabase, provider: Provider) {
    this.server = server;
    this.#fresh = fresh;
    this.#provider = provider;
    this.pool = fresh.database.pool('tutti_engine', 2);
  }

  static async open(provider: Provider): Promise<BatchLab> {
    process.env.TUTTI_TEST_KEY = 'sk-test';
    const made: BatchLab[] = [];
    const server = await startBatchServer((call) => made[0]?.answer?.(call) ?? says(call), {
      direct: says,
      now: () => made[0]?.clock.now() ?? Date.now(),
    });
    const lab = new BatchLab(server, await freshDatabase(), provider);
    made.push(lab);
    return lab;
  }

  /** A test begins with the engine and the provider that others have used: with another tenant, and nothing that came before. `changes`: how it is set where none is open. */
  async begin(changes: Partial<Config> = {}): Promise<void> {
    const { batches, requests, models } = this.server;
    this.tenantId += 1;
    this.answer = null;
    this.#began = {
      batches: batches.length,
      requests: requests.length,
      direct: models.calls.length,
    };
    if (!this.#engine) await this.start(changes);
  }

  get engine(): Engine {
    return this.#engine ?? assert.fail('no engine is open');
  }

  async start(changes: Partial<Config> = {}): Promise<Engine> {
    const used = { ...config, ...changes };
    const { database } = this.#fresh;
    const target: ModelTarget = {
      provider: this.#provider,
      model: 'test-model',
      baseUrl: this.server.baseUrl(this.#provider),
      apiKeyEnv: 'TUTTI_TEST_KEY',
      maxOutputTokens: 200,
    };
    const chain = { targets: [target], choose: 'order' } as const;
    const profiles: Profiles = { fast: chain, standard: chain, deep: chain };
    const registry = loadRegistry(used, []);
    const configUrl = new URL('./fixtures/batch.config.ts', import.meta.url).href;
    const { digest } = registry;
    const dataFolder = '/nonexistent';
    const connection = database.connectionConfig;
    const setup = { configUrl, connection, dataFolder, profiles, digest };
    const { clock } = this;
    this.#threads ??= new KeptThreads(setup);
    // The calls' deadlines run in real time; what the adapters compare with the provider's moments is the test's.
    const seen = { ...systemClock, now: () => clock.now() };
    this.#engine = new Engine({
      ...{ database, registry, config: used, clock, profiles, version: 'test' },
      dispatcher: this.#threads.dispatcher(),
      connector: () => memoryConnector([], new Map()),
      openBatches: (each) => openBatch(each, process.env, seen),
    });
    await this.#engine.start();
    return this.#engine;
  }

  /** Another engine takes over while this one lives on and knows nothing of it, as after a long pause of its process. */
  async takeOver(): Promise<Engine> {
    const old = this.engine;
    await this.pool.query(`UPDATE tutti.engine SET state = 'gone'`);
    await this.pool.query('UPDATE tutti.run SET owner = NULL WHERE ended_at IS NULL');
    await this.start();
    return old;
  }

  async stop(): Promise<void> {
    await this.#engine?.stop();
    this.#engine = null;
  }

  async close(context?: Mocha.Context): Promise<void> {
    await this.stop();
    await this.#threads?.stop();
    await this.server.close();
    await this.#fresh.drop(context);
  }

  async run(workflow: string, ids: readonly string[]) {
    const { tenantId } = this;
    const { id } = await this.engine.startRun(requestOf(workflow, { tenantId, input: { ids } }));
    return { id, ended: this.engine.whenEnded(id) };
  }

  /** Asks something of a run, of which its engine has heard when this resolves: no time passes meanwhile. */
  async ask(runId: string, kind: 'cancel' | 'pause' | 'resume'): Promise<void> {
    const actor = { kind: 'person', id: 'tester' } as const;
    await this.engine.ask({ tenantId: this.tenantId, runId, kind, actor });
  }

  /** Moves time on in small steps, a hundred times as fast as real time, until something holds, at most a minute of that. */
  async until(holds: () => boolean | Promise<boolean>, stepMs = 2_500): Promise<void> {
    const deadline = performance.now() + 60_000;
    while (!(await holds())) {
      assert.ok(performance.now() < deadline, `It did not come true that ${holds}`);
      this.clock.pass(stepMs);
      // Each step has its engine look at all that it looks at once a second.
      await new Promise((resolve) => setTimeout(resolve, Math.max(5, stepMs / 100)));
    }
  }

  /** Waits until so many batches were submitted, and all their steps wait. */
  async submitted(count = 1): Promise<void> {
    await this.until(async () => (await this.#count('batch.submitted')) >= count);
  }

  /** Ends a run by moving time on; returns its status. */
  async ended({ id }: { readonly id: string }): Promise<string> {
    let status = '';
    await this.until(async () => {
      const { rows } = await this.pool.query<{ status: string; ended: boolean }>(
        'SELECT status, ended_at IS NOT NULL AS ended FROM tutti.run WHERE id = $1',
        [id],
      );
      status = rows[0]?.status ?? '';
      return rows[0]?.ended === true;
    });
    return status;
  }

  /** Waits until all steps of a run wait for batches. */
  async waiting({ id }: { readonly id: string }, count: number): Promise<void> {
    await this.until(async () => {
      const steps = await this.steps(id);
      return steps.length === count && steps.every((state) => state === 'batch');
    });
  }

  async #count(kind: string): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(
      'SELECT count(*)::int AS n FROM tutti.entry WHERE tenant_id = $1 AND kind = $2',
      [this.tenantId, kind],
    );
    return rows[0]?.n ?? 0;
  }

  async kinds(runId: string, like: string): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ kind: string }>(
      'SELECT kind FROM tutti.entry WHERE run_id = $1 AND kind LIKE $2 ORDER BY seq',
      [runId, like],
    );
    return rows.map(({ kind }) => kind);
  }

  async steps(runId: string): Promise<readonly string[]> {
    const { rows } = await this.pool.query<{ state: string }>(
      `SELECT coalesce(wait, status) AS state FROM tutti.step WHERE run_id = $1 AND kind <> 'foreach' ORDER BY id`,
      [runId],
    );
    return rows.map(({ state }) => state);
  }

  /** What the steps of a run have handed in, by item. */
  async outputs(runId: string): Promise<Readonly<Record<string, unknown>>> {
    const { rows } = await this.pool.query<{ item_key: string; body: string }>(
      `SELECT s.item_key, convert_from(p.body, 'UTF8') AS body FROM tutti.step s
       JOIN tutti.payload p ON p.tenant_id = s.tenant_id AND p.run_id = s.run_id AND p.seq = s.output_seq
       WHERE s.run_id = $1 AND s.kind <> 'foreach' ORDER BY s.id`,
      [runId],
    );
    return Object.fromEntries(rows.map(({ item_key, body }) => [item_key, JSON.parse(body)]));
  }

  async ledger(runId: string): Promise<readonly LedgerLine[]> {
    const { rows } = await this.pool.query<LedgerLine>(
      `SELECT step, state, reserved_micro_usd AS reserved, cost_micro_usd AS cost, batch FROM tutti.ledger WHERE run_id = $1 ORDER BY seq`,
      [runId],
    );
    return rows;
  }

  /** What purses hold: the reservations of all, and the sum of the tenant's. */
  async purses(): Promise<{ readonly reserved: number; readonly settled: number }> {
    const { rows } = await this.pool.query<{ reserved: number; settled: number }>(
      `SELECT sum(reserved_micro_usd)::int AS reserved, (sum(settled_micro_usd) FILTER (WHERE scope = 'tenant'))::int AS settled FROM tutti.budget WHERE tenant_id = $1`,
      [this.tenantId],
    );
    return rows[0] as { reserved: number; settled: number };
  }

  /** The provider's batches of this test, in the order in which they were made. */
  get batches(): BatchServer['batches'] {
    return this.server.batches.slice(this.#began.batches);
  }

  /** `METHOD /path` of what was asked of the provider about batches and files. */
  get requests(): readonly string[] {
    return this.server.requests.slice(this.#began.requests);
  }

  /** Requests that the provider has answered in batches, by the id in their input. */
  get batched(): readonly string[] {
    return this.batches.flatMap(({ items, answers }) =>
      items.flatMap(({ call }, at) => {
        const answer = answers[at];
        return answer && !('isUnanswered' in answer) ? [idOf(call)] : [];
      }),
    );
  }

  /** Direct calls of this test. */
  get directCalls(): readonly ModelCallSeen[] {
    return this.server.models.calls.slice(this.#began.direct);
  }

  /** Direct calls, by the id in their input. */
  get direct(): readonly string[] {
    return this.directCalls.map(idOf);
  }
}

/** The id in the input of a request. */
export function idOf({ messages: [first] }: ModelCallSeen): string {
  return /"id":"([^"]+)"/.exec(first?.kind === 'text' ? first.text : '')?.[1] ?? '';
}
