import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import type { Clock } from '../../core/base/clock.ts';
import { newId } from '../../core/base/ids.ts';
import { Store } from '../../core/engine/store/store.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { loadRegistry, type Registry } from '../../core/sdk/registry.ts';
import { idOf, type Provider, says } from '../engine/batches/lab.ts';
import { type BatchServer, startBatchServer } from './batch-server.ts';
import { briefFlags } from './brief-flags.ts';
import { compileCacheEnv, sharedFolder } from './compile-cache.ts';
import { requestOf } from './engine.ts';
import config from './fixtures/batch-crash.config.ts';
import type { BatchEngine } from './fixtures/batch-engine.ts';
import { fastClock } from './fixtures/fast-clock.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';

const program = fileURLToPath(new URL('fixtures/batch-engine.ts', import.meta.url));
const patienceMs = 90_000;
const lookMs = 20;

/** An engine that can be killed. */
export interface KillableEngine {
  readonly ready: Promise<void>;
  /** From now on its crash point counts. */
  arm(): void;
  kill(): Promise<void>;
  /** The signal that ended it, or what it said. */
  readonly ended: Promise<string>;
}

/** A database, two providers of batches, and engines in processes of their own that submit to them; all go by one fast clock. */
export class BatchCrashLab {
  readonly server: BatchServer;
  readonly pool: pg.Pool;
  readonly #fresh: FreshDatabase;
  readonly #registry: Registry = loadRegistry(config, []);
  readonly #living = new Set<ChildProcess>();
  readonly #beganAt: number;

  private constructor(server: BatchServer, fresh: FreshDatabase, beganAt: number) {
    this.server = server;
    this.#fresh = fresh;
    this.#beganAt = beganAt;
    this.pool = fresh.database.pool('tutti_engine', 2);
  }

  static async open(): Promise<BatchCrashLab> {
    const beganAt = Date.now();
    const clock: Clock = fastClock(beganAt);
    const server = await startBatchServer(says, { direct: says, now: () => clock.now() });
    return new BatchCrashLab(server, await freshDatabase(), beganAt);
  }

  async close(context: Mocha.Context): Promise<void> {
    for (const child of this.#living) child.kill('SIGKILL');
    await this.server.close();
    await this.#fresh.drop(context);
  }

  /**
   * Starts an engine. `at`: its crash point, which counts when it is armed. `gatherMs`: by the fast clock; the default is a second, in which the
   * calls of a run come together, but for those that a busy machine keeps: they have a batch of their own.
   */
  engine({ at = '', gatherMs = 40_000 } = {}): KillableEngine {
    const targetOf = (provider: Provider) => ({
      provider,
      model: 'test-model',
      baseUrl: this.server.baseUrl(provider),
      apiKeyEnv: 'TUTTI_TEST_KEY',
      maxOutputTokens: 200,
    });
    const targets = { standard: targetOf('openai'), deep: targetOf('anthropic') };
    const what: BatchEngine = {
      ...{ database: this.#fresh.url, targets, beganAt: this.#beganAt, gatherMs },
    };
    const armed = join(sharedFolder, newId());
    const env = { ...process.env, ...compileCacheEnv, TUTTI_TEST_KEY: 'sk-test' };
    const child = spawn(process.execPath, [...briefFlags, program, JSON.stringify(what)], {
      env: { ...env, CRASH_AT: at, CRASH_FROM: armed },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#living.add(child);
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => {
      stderr += part;
    });
    const ended = once(child, 'exit').then(([code, signal]) => {
      this.#living.delete(child);
      rmSync(armed, { force: true });
      return signal === null ? `${code} ${stderr}` : String(signal);
    });
    const isReady = once(createInterface({ input: child.stdout }), 'line').then(() => {});
    const ready = Promise.race([isReady, ended.then((how) => assert.fail(`no start: ${how}`))]);
    ready.catch(() => {});
    return {
      ready,
      ended,
      arm: () => writeFileSync(armed, ''),
      async kill() {
        child.kill('SIGKILL');
        await ended;
      },
    };
  }

  /** Stores a run that the engine claims; resolves when it has. */
  async run(workflow: string, ids: readonly string[]): Promise<string> {
    const request = requestOf(workflow, { tenantId: 1, input: { ids } });
    const { id } = await submitRun(new Store(this.pool), this.#registry, request);
    const owned = 'SELECT count(*)::int AS n FROM tutti.run WHERE id = $1 AND owner IS NOT NULL';
    await this.until(async () => (await this.count(owned, [id])) === 1);
    return id;
  }

  async count(text: string, values: readonly unknown[]): Promise<number> {
    const { rows } = await this.pool.query<{ n: number }>(text, [...values]);
    return rows[0]?.n ?? 0;
  }

  /** How many entries of a kind a run has. */
  async entries(run: string, kind: string): Promise<number> {
    return await this.count(
      'SELECT count(*)::int AS n FROM tutti.entry WHERE run_id = $1 AND kind = $2',
      [run, kind],
    );
  }

  /** How many calls of a run are in batches whose ids are recorded. */
  async submitted(run: string): Promise<number> {
    return await this.count(
      `SELECT coalesce(sum(jsonb_array_length(p.data->'items')), 0)::int AS n FROM tutti.entry p
       JOIN tutti.entry s ON s.run_id = p.run_id AND s.kind = 'batch.submitted' AND s.data->>'mark' = p.data->>'mark'
       WHERE p.run_id = $1 AND p.kind = 'batch.planned'`,
      [run],
    );
  }

  async until(holds: () => boolean | Promise<boolean>): Promise<void> {
    const deadline = performance.now() + patienceMs;
    while (!(await holds())) {
      assert.ok(performance.now() < deadline, `not within ${patienceMs} ms: ${holds}`);
      await sleep(lookMs);
    }
  }

  /** The providers end their batches: those with requests for some ids, or all. */
  answer(ids?: readonly string[]): void {
    for (const { id, state, items } of this.server.batches)
      if (state === 'working' && (!ids || items.some(({ call }) => ids.includes(idOf(call)))))
        this.server.end({}, id);
  }

  /** Waits for the end of a run, with providers that end every batch at once. */
  async ended(run: string): Promise<string> {
    let status = '';
    await this.until(async () => {
      this.answer();
      const { rows } = await this.pool.query<{ status: string; is_over: boolean }>(
        'SELECT status, ended_at IS NOT NULL AS is_over FROM tutti.run WHERE id = $1',
        [run],
      );
      status = rows[0]?.status ?? '';
      return rows[0]?.is_over === true;
    });
    return status;
  }
}
