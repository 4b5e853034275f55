import type pg from 'pg';
import type { EngineError } from '../../core/base/errors.ts';
import { Engine } from '../../core/engine/engine.ts';
import type { EngineParts } from '../../core/engine/engine-parts.ts';
import type { Config } from '../../core/ports/config.ts';
import { memoryConnector } from '../../core/ports/erp/memory.ts';
import type { Profiles } from '../../core/ports/models/profiles.ts';
import { loadRegistry } from '../../core/sdk/registry.ts';
import { requestOf } from './engine.ts';
import { FakeClock } from './fixtures/clock.ts';
import { HandDispatcher } from './fixtures/hand-dispatcher.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';

/** An engine whose threads and clock are in the test's hand; the database is real. */
export interface HandEngine {
  readonly engine: Engine;
  readonly dispatcher: HandDispatcher;
  readonly clock: FakeClock;
  /** What made it give up. */
  readonly failures: readonly EngineError[];
  /** Starts a run of tenant 1. */
  start(
    workflow: string,
    input?: unknown,
  ): Promise<{ readonly id: string; readonly ended: Promise<string> }>;
}

/** Engines of one test file, over one database. */
export class HandEngines {
  readonly #config: Config;
  readonly #profiles: Profiles | null;
  readonly #open: Engine[] = [];
  #fresh: FreshDatabase | null = null;
  #pool: pg.Pool | null = null;

  constructor(config: Config, profiles: Profiles | null = null) {
    this.#config = config;
    this.#profiles = profiles;
  }

  get pool(): pg.Pool {
    return this.#pool as pg.Pool;
  }

  get database(): FreshDatabase['database'] {
    return (this.#fresh as FreshDatabase).database;
  }

  async prepare(): Promise<void> {
    this.#fresh = await freshDatabase();
    this.#pool = this.#fresh.database.pool('tutti_engine', 2);
  }

  /** Starts one; `now` is the moment that its clock stands at. */
  async open(
    now = Date.now(),
    parts: Partial<Pick<EngineParts, 'metrics' | 'spanIds' | 'log' | 'connector'>> = {},
  ): Promise<HandEngine> {
    const dispatcher = new HandDispatcher();
    const clock = new FakeClock(now);
    const failures: EngineError[] = [];
    const engine = new Engine({
      database: (this.#fresh as FreshDatabase).database,
      registry: loadRegistry(this.#config, []),
      config: this.#config,
      dispatcher,
      clock,
      profiles: this.#profiles,
      connector: () => memoryConnector([], new Map()),
      version: 'test',
      ...parts,
      onFailure: (error) => failures.push(error),
    });
    this.#open.push(engine);
    await engine.start();
    const start: HandEngine['start'] = async (workflow, input) => {
      const { id } = await engine.startRun(requestOf(workflow, { tenantId: 1, input }));
      return { id, ended: engine.whenEnded(id) };
    };
    return { engine, dispatcher, clock, failures, start };
  }

  /** How the steps of a run stand: by path, their status or the code of their failure. */
  async stepsOf(id: string): Promise<Readonly<Record<string, string>>> {
    const { rows } = await this.pool.query<{ path: string; status: string; code: string | null }>(
      `SELECT node || CASE item_key WHEN '' THEN '' ELSE '[' || item_key || ']' END AS path, status, error->>'code' AS code
       FROM tutti.step WHERE run_id = $1 ORDER BY id`,
      [id],
    );
    return Object.fromEntries(rows.map(({ path, status, code }) => [path, code ?? status]));
  }

  async statusOf(id: string): Promise<string> {
    const { rows } = await this.pool.query<{ status: string }>(
      'SELECT status FROM tutti.run WHERE id = $1',
      [id],
    );
    return rows[0]?.status ?? '';
  }

  /** The entries of some kinds, in order: kind and data. */
  async entriesOf(
    id: string,
    kinds: readonly string[],
  ): Promise<
    readonly { readonly kind: string; readonly data: Readonly<Record<string, unknown>> }[]
  > {
    const { rows } = await this.pool.query(
      'SELECT kind, data FROM tutti.entry WHERE run_id = $1 AND kind = ANY ($2) ORDER BY seq',
      [id, kinds],
    );
    return rows;
  }

  /** Ends those that are still open: in `afterEach`. */
  async stop(): Promise<void> {
    for (const engine of this.#open.splice(0)) await engine.stop();
  }

  /** In `after(function () { return engines.drop(this); })`. */
  async drop(context: Mocha.Context): Promise<void> {
    await this.#fresh?.drop(context);
  }
}
