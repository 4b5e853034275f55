import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { nodeFlags } from '../../bin/node24.mjs';
import { type Host, openHost } from '../../bin/host.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { compileCacheEnv } from './compile-cache.ts';
import { requestOf } from './engine.ts';
import { type Oracle, startOracle } from './oracle.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
import { scratchFolder } from './scratch.ts';

const program = fileURLToPath(new URL('fixtures/crash-lab.ts', import.meta.url));
const config = new URL('fixtures/crash.config.ts', import.meta.url).href;
/** Longer than a lease (15 s), what follows it (5 s), and the work itself on a busy machine. */
const patienceMs = 45_000;
const lookMs = 20;

/** What an engine of the lab is started with; see fixtures/crash-lab.ts. */
export interface LabEngineOptions {
  readonly until?: string;
  readonly submit?: string;
  readonly items?: readonly string[];
  /** A crash point: `after-flush:3`. */
  readonly at?: string;
  readonly threads?: number;
}

/** An engine in a process of its own. */
export interface LabEngine {
  readonly child: ChildProcess;
  /** Resolves when it claims runs; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** What it has submitted, and whether it is the owner; null when it ended before. */
  readonly run: Promise<{ readonly id: string; readonly isOwned: boolean } | null>;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly stderr: string;
  }>;
}

/** A database, the world outside, and engines that can be killed. */
export class CrashLab {
  readonly fresh: FreshDatabase;
  readonly oracle: Oracle;
  readonly pool: pg.Pool;
  readonly tenantId: number;
  readonly #host: Host;
  readonly #folder: ReturnType<typeof scratchFolder>;
  readonly #living = new Set<ChildProcess>();

  private constructor(parts: {
    readonly fresh: FreshDatabase;
    readonly oracle: Oracle;
    readonly host: Host;
    readonly tenantId: number;
    readonly folder: ReturnType<typeof scratchFolder>;
  }) {
    this.fresh = parts.fresh;
    this.oracle = parts.oracle;
    this.#host = parts.host;
    this.tenantId = parts.tenantId;
    this.#folder = parts.folder;
    this.pool = parts.fresh.database.pool('tutti_engine', 4);
  }

  static async open(): Promise<CrashLab> {
    const fresh = await freshDatabase();
    const folder = scratchFolder({});
    const oracle = await startOracle(join(folder.path, 'oracle.log'));
    const host = await openHost({
      configUrl: config,
      databaseUrl: fresh.url,
      dataFolder: '/nonexistent',
      env: {},
    });
    const tenantId = await host.store.tenant('crash-lab');
    return new CrashLab({ fresh, oracle, host, tenantId, folder });
  }

  async close(context?: Mocha.Context): Promise<void> {
    for (const child of this.#living) child.kill('SIGKILL');
    await this.#host.close();
    await this.oracle.close();
    await this.fresh.drop(context);
    this.#folder[Symbol.dispose]();
  }

  /** Stores a run that the next engine claims. */
  async submit(workflow: string, items: readonly string[]): Promise<string> {
    const input = { items: items.map((id) => ({ id })) };
    const request = requestOf(workflow, { tenantId: this.tenantId, input });
    return (await submitRun(this.#host.store, this.#host.registry, request)).id;
  }

  engine({ at = '', threads = 1, ...what }: LabEngineOptions = {}): LabEngine {
    const text = JSON.stringify({ tenantId: this.tenantId, ...what });
    const child = spawn(process.execPath, [...nodeFlags, program, this.fresh.url, text], {
      env: {
        ...process.env,
        ...compileCacheEnv,
        ...this.oracle.env,
        LAB_THREADS: String(threads),
        CRASH_AT: at,
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#living.add(child);
    let stderr = '';
    child.stderr.on('data', (part: Buffer) => {
      stderr += part;
    });
    const exited = once(child, 'exit');
    const ended = exited.then(([code, signal]) => {
      this.#living.delete(child);
      return { code: code as number | null, signal: signal as string | null, stderr };
    });
    const ready = Promise.withResolvers<void>();
    const run = Promise.withResolvers<{ id: string; isOwned: boolean } | null>();
    createInterface({ input: child.stdout }).on('line', (line) => {
      const [word, id = '', isOwned] = line.split(' ');
      if (word === 'ready') ready.resolve();
      if (word === 'run') run.resolve({ id, isOwned: isOwned === 'true' });
    });
    ready.promise.catch(() => {});
    void ended.then(({ stderr }) => {
      ready.reject(new Error(`The engine ended before it was ready: ${stderr}`));
      run.resolve(null);
    });
    return { child, ready: ready.promise, run: run.promise, ended };
  }

  async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
    return (await this.pool.query<T>(text, [...values])).rows;
  }

  /** Waits for a state of the database. */
  async until(what: string, isSo: () => Promise<boolean>, withinMs = patienceMs): Promise<void> {
    const deadline = performance.now() + withinMs;
    while (!(await isSo())) {
      assert.ok(performance.now() < deadline, `not within ${withinMs} ms: ${what}`);
      await sleep(lookMs);
    }
  }

  /** Waits until runs have ended. */
  async whenEnded(runIds: readonly string[], withinMs = patienceMs): Promise<void> {
    await this.until(
      `the end of ${runIds.length} runs`,
      async () => {
        const [row] = await this.query<{ open: number }>(
          'SELECT count(*)::int AS open FROM tutti.run WHERE id = ANY ($1::uuid[]) AND ended_at IS NULL',
          [runIds],
        );
        return row?.open === 0;
      },
      withinMs,
    );
  }
}
