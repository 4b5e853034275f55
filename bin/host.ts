import type { Log } from '../core/base/telemetry/log.ts';
import { AuditLog } from '../core/engine/audit/log.ts';
import type { Engine } from '../core/engine/engine.ts';
import { History } from '../core/engine/history/history.ts';
import { liveEngine } from '../core/engine/lease/lease.ts';
import type { Planner } from '../core/engine/plan/planner.ts';
import { Inbox } from '../core/engine/store/inbox.ts';
import { Store } from '../core/engine/store/store.ts';
import type { Config } from '../core/ports/config.ts';
import { type Database, openDatabase } from '../core/ports/db/database.ts';
import { databasePins } from '../core/ports/db/mcp-pins.ts';
import type { Connector } from '../core/ports/erp/connector.ts';
import { embeddedConnector } from '../core/ports/erp/embedded.ts';
import { Freshness } from '../core/ports/erp/freshness.ts';
import type { LoadedSample } from '../core/ports/erp/load-sample.ts';
import type { OpenMcpPool } from '../core/ports/mcp/pool.ts';
import { chooseProfiles, type Profiles } from '../core/ports/models/profiles.ts';
import type { Registry } from '../core/sdk/registry.ts';
import { encryptionOf, type HostOptions, openConfig } from './configuration.ts';
import { HostTelemetry } from './host-telemetry.ts';
import { type LoadedModules, openModules } from './module-loading.ts';
import type { Runner } from './runner.ts';
import { sampleSlug } from './sample-tenant.ts';
import { version } from './version.ts';

/** The composition root at run time: database, modules, sample company and, when asked, an engine with its threads. */
export interface Host {
  readonly database: Database;
  /** What is loaded now: whoever holds it sees the modules that come and go. */
  readonly registry: Registry;
  readonly config: Config;
  readonly configUrl: string;
  /** Loads modules and takes them away. */
  readonly loading: LoadedModules;
  /** Null: the configuration names no MCP servers. */
  readonly mcp: OpenMcpPool | null;
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  /** Where secrets are read from, by the names that the configuration gives. */
  readonly env: NodeJS.ProcessEnv;
  /** What this process counts, traces and writes into its log. */
  readonly telemetry: HostTelemetry;
  readonly log: Log;
  readonly store: Store;
  readonly inbox: Inbox;
  readonly history: History;
  /** What people and keys have changed. */
  readonly audit: AuditLog;
  /** Says what a run would do and cost; its threads are its own. */
  readonly planner: Pick<Planner, 'plan' | 'bind'>;
  /** Where whoever hears of changes in the ERP tells the threads of this process. */
  readonly freshness: Freshness;
  /** The ERP of a tenant. */
  connector(tenantId: number): Connector;
  /** The tenant of the sample company of a scale, which is loaded when it is not there yet. */
  sampleTenant(
    scale: number,
    seed?: number,
  ): Promise<{ readonly tenantId: number; readonly sample: LoadedSample }>;
  /** Whether the engine of another process serves the database. */
  isServed(): Promise<boolean>;
  /** Threads of this process that were given up and do not end. */
  readonly zombies: number;
  /** Opens the engine of this process. */
  startEngine(onFailure: (error: Error) => void): Promise<Engine>;
  /** Ends the engine, whose running steps get `drainMs` (default 0) to end, then everything under it. Safe to call twice. */
  close(drainMs?: number): Promise<void>;
}

/** Opens everything but the engine. @throws CONFIG_INVALID · MODULE_INVALID · DB_* · DATA_FOLDER */
export async function openHost(options: HostOptions): Promise<Host> {
  const { config, registry: configured } = await openConfig(options);
  const database = await openDatabase({
    url: options.databaseUrl,
    dataFolder: options.dataFolder,
    encryption: encryptionOf(config, options),
  });
  try {
    const ground = { database, config, configUrl: options.configUrl };
    const loading = await openModules(ground, configured);
    const mcp = await openMcp(database, { ...options, config });
    return hostOn(database, { ...options, config, loading, mcp });
  } catch (error) {
    await database.close();
    throw error;
  }
}

/** The sessions with MCP servers; none is begun before the first call. @throws CONFIG_INVALID */
async function openMcp(
  database: Database,
  { config, env = process.env }: Pick<HostOptions, 'env'> & { readonly config: Config },
): Promise<OpenMcpPool | null> {
  if (!config.mcp) return null;
  // Who has no servers need not load what speaks with them.
  const { openMcpPool } = await import('../core/ports/mcp/pool.ts');
  return openMcpPool(config.mcp, {
    env,
    version,
    pins: databasePins(database.pool('tutti_engine', 1)),
  });
}

function hostOn(
  database: Database,
  options: HostOptions & Pick<Host, 'config' | 'loading' | 'mcp'>,
): Host {
  const { config, configUrl, loading, mcp, env = process.env } = options;
  const { registry } = loading;
  const profiles = chooseProfiles(config.models, env);
  const entities = () => [...registry.entities.values()];
  const enginePool = database.pool('tutti_engine', 2);
  const tenantPool = database.pool('tutti_tenant', 2);
  const connector = (tenantId: number): Connector =>
    embeddedConnector({ pool: tenantPool, tenantId, entities: entities() });
  const store = new Store(enginePool);
  const telemetry = new HostTelemetry(env, { spanIds: options.spanIds, log: config.log });
  const freshness = new Freshness();
  const parts = { ...options, database, profiles, store, connector, freshness, telemetry };
  let runner: Runner | null = null;
  const demandRunner = async (): Promise<Runner> => {
    const loaded = await import('./runner.ts');
    runner ??= new loaded.Runner(parts);
    return runner;
  };
  return {
    database,
    registry,
    config,
    ...{ configUrl, loading },
    mcp,
    profiles,
    ...{ env, telemetry, log: telemetry.log },
    store,
    ...{ inbox: new Inbox(enginePool), history: new History(database) },
    audit: new AuditLog(enginePool, options),
    planner: {
      plan: async (...asked) => (await demandRunner()).planner.plan(...asked),
      bind: async (...asked) => (await demandRunner()).planner.bind(...asked),
    },
    ...{ connector, freshness },
    async sampleTenant(scale, seed = 1) {
      const tenantId = await this.store.tenant(sampleSlug(scale, seed));
      const samples = registry.modules.flatMap((module) => (module.sample ? [module.sample] : []));
      const admin: Database['admin'] = (work) => database.admin(work);
      const { loadSample } = await import('../core/ports/erp/load-sample.ts');
      const sample = await loadSample({
        ...{ admin, tenantId, entities: entities(), samples, scale, seed },
      });
      return { tenantId, sample };
    },
    get zombies() {
      return runner?.zombies ?? 0;
    },
    isServed: async () => (await liveEngine(enginePool)) !== null,
    startEngine: async (onFailure) => (await demandRunner()).startEngine(onFailure),
    async close(drainMs) {
      try {
        await runner?.close(drainMs);
        await telemetry.stop();
      } finally {
        await mcp?.close();
        await database.close();
      }
    },
  };
}
