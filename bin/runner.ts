import { systemClock } from '../core/base/clock.ts';
import type { Log } from '../core/base/telemetry/log.ts';
import { Engine } from '../core/engine/engine.ts';
import { Budgets } from '../core/engine/limits/budgets.ts';
import { Planner } from '../core/engine/plan/planner.ts';
import type { Store } from '../core/engine/store/store.ts';
import { registryFor } from '../core/engine/submit.ts';
import type { Config } from '../core/ports/config.ts';
import type { Database } from '../core/ports/db/database.ts';
import type { Connector } from '../core/ports/erp/connector.ts';
import type { Freshness } from '../core/ports/erp/freshness.ts';
import type { OpenMcpPool } from '../core/ports/mcp/pool.ts';
import { hasBatches, openBatch } from '../core/ports/models/batch/batch-open.ts';
import type { ModelTarget } from '../core/ports/models/model.ts';
import { type Profiles, rehearsedProfiles } from '../core/ports/models/profiles.ts';
import type { MachinesSetup } from '../worker/machines/machines.ts';
import { isolationBy } from '../worker/pool/isolation.ts';
import { Pool } from '../worker/pool/pool.ts';
import type { HostOptions } from './configuration.ts';
import type { HostTelemetry } from './host-telemetry.ts';
import type { LoadedModules } from './module-loading.ts';
import { version } from './version.ts';

/** What a runner takes of its host. */
export interface RunnerParts extends HostOptions {
  readonly config: Config;
  readonly loading: LoadedModules;
  readonly database: Database;
  readonly store: Store;
  readonly telemetry: HostTelemetry;
  /** Null: the configuration names no MCP servers. */
  readonly mcp: OpenMcpPool | null;
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  readonly connector: (tenantId: number) => Connector;
  readonly freshness: Freshness;
}

/** The half of a host that runs agents, or plans to: engine, threads and planner. It is loaded when first asked for, which looking something up never does. */
export class Runner {
  readonly #parts: RunnerParts;
  /** Those of the host, or what rehearsals take in their place. */
  readonly #rehearsed: Profiles;
  readonly #env: NodeJS.ProcessEnv;
  readonly planner: Planner;
  #engine: Engine | null = null;
  #dispatcher: Pool | null = null;

  constructor(parts: RunnerParts) {
    const {
      database,
      loading: { registry },
      config,
      profiles,
      store,
      connector,
      mcp,
      env = process.env,
    } = parts;
    this.#parts = parts;
    this.#env = env;
    this.#rehearsed = profiles ?? rehearsedProfiles(config.models);
    this.planner = new Planner({
      database,
      registry,
      published: (request) => registryFor(store.definitions, registry, request),
      config,
      profiles: this.#rehearsed,
      connector,
      budgets: new Budgets(database, { registry, config }),
      hasBatches: (target) => hasBatches(target, env),
      ...(mcp && { mcp }),
      threads: {
        open: () => this.#openThreads(null),
        declared: () => parts.loading.loader.declared,
      },
      clock: systemClock,
    });
  }

  get zombies(): number {
    return this.#dispatcher?.health.zombies ?? 0;
  }

  async startEngine(onFailure: (error: Error) => void): Promise<Engine> {
    const { database, loading, config, profiles, connector, freshness, mcp, telemetry } =
      this.#parts;
    const told = await telemetry.start(version);
    const dispatcher = this.#openThreads(told.log);
    this.#dispatcher = dispatcher;
    const rehearsed = this.#rehearsed;
    const modules = { registry: loading.registry, modules: loading.loader };
    const parts = { database, ...modules, config, profiles, rehearsed, version, dispatcher };
    const openBatches = (target: ModelTarget) => openBatch(target, this.#env);
    const outside = { connector, freshness, openBatches, ...(mcp && { mcp }) };
    this.#engine = new Engine({ ...parts, ...outside, ...told, onFailure });
    await this.#engine.start();
    return this.#engine;
  }

  /** Ends everything; running steps get `drainMs` to end. */
  async close(drainMs: number | undefined): Promise<void> {
    await Promise.all([this.planner.close(), this.#engine?.stop(drainMs)]);
  }

  /** Threads that have loaded the same as this process. `log`: of what comes and goes of other machines; null: nothing leaves this one. */
  #openThreads(log: Log | null): Pool {
    const { configUrl, dataFolder, loading, config, env, database, freshness } = this.#parts;
    const connection = database.connectionConfig;
    const profiles = this.#rehearsed;
    return new Pool({
      setup: {
        ...{ configUrl, connection, dataFolder, profiles, ...loading.loader.declared },
        profile: env?.TUTTI_PROFILE,
      },
      freshness,
      threads: config.limits?.threads,
      isolation: isolationBy(config.isolation, loading.registry, { isHome: log === null }),
      machines: log ? this.#machines(log) : undefined,
    });
  }

  #machines(log: Log): MachinesSetup | undefined {
    const { config, configUrl, database } = this.#parts;
    const { machines } = config;
    if (!machines) return undefined;
    const around = { connection: database.connectionConfig, env: this.#env };
    const ground = async () => (await import('./parts/ground-of.ts')).groundOf(config, around);
    return { config: machines, configUrl, ground, log };
  }
}
