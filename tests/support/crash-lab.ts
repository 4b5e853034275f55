import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type pg from 'pg';
import { type Host, openHost } from '../../bin/host.ts';
import { newId } from '../../core/base/ids.ts';
import { Reviews } from '../../core/engine/store/reviews.ts';
import { submitRun } from '../../core/engine/submit.ts';
import { briefFlags } from './brief-flags.ts';
import { booksDatabase } from './company.ts';
import { compileCacheEnv, sharedFolder } from './compile-cache.ts';
import { requestOf } from './engine.ts';
import { type Oracle, startOracle } from './oracle.ts';
import type { FreshDatabase } from './postgres.ts';
import { scratchFolder } from './scratch.ts';

const program = fileURLToPath(new URL('fixtures/crash-lab.ts', import.meta.url));
const configUrl = new URL('fixtures/crash.config.ts', import.meta.url).href;
/** Longer than a short lease, what follows it (5 s), and the work itself on a busy machine. */
const patienceMs = 120_000;
const lookMs = 50;
const reviewMs = 100;

/** What an engine of the lab is started with; see fixtures/crash-lab.ts. */
export interface LabEngineOptions {
  readonly until?: string;
  readonly submit?: string;
  /** Lives on when its run has ended. */
  readonly stays?: boolean;
  readonly items?: readonly string[];
  /** A crash point: `after-flush:3`. */
  readonly at?: string;
  /** A configuration in fixtures. @default crash.config.ts */
  readonly config?: string;
  /** For a configuration that reads it. @default 1 */
  readonly threads?: number;
  /** Whether agents of its runs converse with the oracle; a model's client is modules to load. @default true */
  readonly converses?: boolean;
  /** @default a minute: nothing but its end frees the runs of an engine, however busy the machine is */
  readonly leaseMs?: number;
}

/** An engine in a process of its own. */
export interface LabEngine {
  readonly child: ChildProcess;
  /** Resolves when it claims runs; rejects when it ends before. */
  readonly ready: Promise<void>;
  /** Resolves when it has stored what it is to submit, or has ended. */
  readonly submitted: Promise<void>;
  /** The state of the process as the kernel names it: `T` stands still. Linux only. */
  processState(): string;
  readonly ended: Promise<{
    readonly code: number | null;
    readonly signal: string | null;
    readonly stderr: string;
  }>;
}

/** Starts an engine on a database: a URL, or a folder for a server of its own. */
export function startLabEngine(
  database: string,
  env: NodeJS.ProcessEnv,
  {
    at = '',
    config = 'crash.config.ts',
    threads = 1,
    leaseMs = 60_000,
    converses = true,
    ...what
  }: LabEngineOptions & { readonly tenantId?: number },
): LabEngine {
  const args = [...briefFlags, program, database, JSON.stringify(what), config];
  const child = spawn(process.execPath, args, {
    env: {
      ...process.env,
      ...compileCacheEnv,
      ...env,
      LAB_THREADS: String(threads),
      LAB_LEASE_MS: String(leaseMs),
      CRASH_AT: at,
      ...(!converses && { ORACLE_MODEL_URL: '' }),
      // Crash points count when the engine submits what it is to submit.
      ...(what.submit !== undefined && { CRASH_FROM: join(sharedFolder, newId()) }),
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.on('data', (part: Buffer) => {
    stderr += part;
  });
  const closed = once(child, 'close');
  const ended = once(child, 'exit').then(async ([code, signal]) => {
    // What it said last may come after its end. What a kill leaves behind may hold its streams open, and is not waited for.
    if (signal === null) await closed;
    return { code: code as number | null, signal: signal as string | null, stderr };
  });
  const ready = Promise.withResolvers<void>();
  const submitted = Promise.withResolvers<void>();
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'ready') ready.resolve();
    if (line.startsWith('run ')) submitted.resolve();
  });
  ready.promise.catch(() => {});
  void ended.then(({ stderr }) => {
    submitted.resolve();
    ready.reject(new Error(`The engine ended before it was ready: ${stderr}`));
  });
  const processState = (): string =>
    readFileSync(`/proc/${child.pid}/stat`, 'utf8').split(') ')[1]?.[0] ?? '';
  return { child, ready: ready.promise, submitted: submitted.promise, ended, processState };
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
  /** Effects that a person had to settle, by key: whether they had happened. */
  readonly settled = new Map<string, boolean>();
  #closing = false;
  #reviewing: Promise<void> = Promise.resolve();

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

  /** `tenant`: whose runs it submits. `thinkMs`: as for `startOracle`. */
  static async open(tenant = 'crash-lab', thinkMs?: number): Promise<CrashLab> {
    const fresh = await booksDatabase();
    const folder = scratchFolder({});
    const oracle = await startOracle(join(folder.path, 'oracle.log'), thinkMs);
    const host = await openHost({
      configUrl,
      databaseUrl: fresh.url,
      dataFolder: '/nonexistent',
      env: {},
    });
    const tenantId = await host.store.tenant(tenant);
    return new CrashLab({ fresh, oracle, host, tenantId, folder });
  }

  async close(context?: Mocha.Context): Promise<void> {
    this.#closing = true;
    for (const child of this.#living) child.kill('SIGKILL');
    await this.#reviewing;
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

  engine(options: LabEngineOptions = {}): LabEngine {
    const { tenantId, fresh, oracle } = this;
    const started = startLabEngine(fresh.url, oracle.env, { tenantId, ...options });
    this.#living.add(started.child);
    void started.ended.then(() => this.#living.delete(started.child));
    return started;
  }

  async query<T extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []) {
    return (await this.pool.query<T>(text, [...values])).rows;
  }

  /** The run that was stored last. */
  async newestRun(): Promise<string> {
    const [row] = await this.query<{ id: string }>(
      'SELECT id FROM tutti.run ORDER BY id DESC LIMIT 1',
    );
    assert.ok(row, 'no run was stored');
    return row.id;
  }

  /**
   * Somebody who settles what nobody else can know: asks the world outside whether it has happened, and says so, until `close`.
   * Whether it was worth asking is the test's to say.
   */
  review(): void {
    const look = async (): Promise<void> => {
      const waiting = await this.query<{ key: string }>(
        `SELECT encode(key, 'hex') AS key FROM tutti.effect WHERE state = 'needs_review'`,
      );
      for (const { key } of waiting) await this.#settle(key);
    };
    this.#reviewing = (async () => {
      while (!this.#closing) {
        await look();
        await sleep(reviewMs);
      }
    })();
  }

  async #settle(key: string): Promise<void> {
    const seen = this.oracle.entries();
    const happened = seen.some((entry) => entry.kind === 'effect' && entry.key === key);
    const verdict = happened
      ? ({ verdict: 'happened', outcome: { again: false } } as const)
      : ({ verdict: 'retry' } as const);
    const { tenantId } = this;
    const actor = { kind: 'person', id: 'tester' } as const;
    const reason = 'The world outside says so.';
    const review = { tenantId, key, ...verdict, reason, actor };
    await new Reviews(this.pool).settle(review, this.#host.registry.tools);
    this.settled.set(key, happened);
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
