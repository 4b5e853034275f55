import { readFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import { systemClock } from '../core/base/clock.ts';
import { EngineError, isEngineError } from '../core/base/errors.ts';
import type { Log } from '../core/base/telemetry/log.ts';
import type { SpanIds } from '../core/base/telemetry/span-ids.ts';
import { AuditLog } from '../core/engine/audit/log.ts';
import { Engine } from '../core/engine/engine.ts';
import { Budgets } from '../core/engine/limits/budgets.ts';
import { Planner } from '../core/engine/plan/planner.ts';
import { History } from '../core/engine/run/history.ts';
import { Inbox } from '../core/engine/run/inbox.ts';
import { liveEngine } from '../core/engine/run/lease.ts';
import { Store } from '../core/engine/run/store.ts';
import { registryFor } from '../core/engine/submit.ts';
import type { Config } from '../core/ports/config.ts';
import { type Database, openDatabase } from '../core/ports/db/database.ts';
import { databasePins } from '../core/ports/db/mcp-pins.ts';
import type { Connector } from '../core/ports/erp/connector.ts';
import { embeddedConnector } from '../core/ports/erp/embedded.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { type LoadedSample, loadSample } from '../core/ports/erp/load-sample.ts';
import type { OpenMcpPool } from '../core/ports/mcp/pool.ts';
import { hasBatches, openBatch } from '../core/ports/models/batch-open.ts';
import type { ModelTarget } from '../core/ports/models/model.ts';
import { chooseProfiles, type Profiles, rehearsedProfiles } from '../core/ports/models/profiles.ts';
import { readyConfig } from '../core/ports/settle-config.ts';
import { loadRegistry, type Registry } from '../core/sdk/registry.ts';
import { Pool } from '../worker/pool.ts';
import { HostTelemetry } from './host-telemetry.ts';
import { type LoadedModules, openModules } from './module-loading.ts';

/** What a process of Tutti is built from. */
export interface HostOptions {
  /** URL of a module that default-exports a Config. */
  readonly configUrl: string;
  /** A PostgreSQL server. @default the embedded one, under `dataFolder` */
  readonly databaseUrl?: string | undefined;
  readonly dataFolder: string;
  readonly env?: NodeJS.ProcessEnv;
  /** What an SDK of OpenTelemetry that runs already asks for the ids of spans. @default its own is started where the environment names a collector */
  readonly spanIds?: SpanIds;
}

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
  readonly planner: Planner;
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

/** The release, as stored with engines. */
export const version: string = (
  JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    readonly version: string;
  }
).version;

/** Opens everything but the engine. @throws CONFIG_INVALID · MODULE_INVALID · DB_* · DATA_FOLDER */
export async function openHost(options: HostOptions): Promise<Host> {
  const { config, registry: configured } = await openConfig(options);
  const database = await openDatabase({
    url: options.databaseUrl,
    dataFolder: options.dataFolder,
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

/** A configuration with the modules that it names, checked. @throws CONFIG_INVALID · MODULE_INVALID */
export async function openConfig({
  configUrl,
  env = process.env,
}: Pick<HostOptions, 'configUrl' | 'env'>): Promise<{
  readonly config: Config;
  readonly registry: Registry;
}> {
  const config = readyConfig(await readConfig(configUrl), { env, where: configUrl });
  return { config, registry: loadRegistry(config, sharedEntities) };
}

/** What a configuration file exports, as it stands there. @throws CONFIG_INVALID when it cannot be loaded, or exports no modules */
export async function readConfig(configUrl: string): Promise<unknown> {
  const config = (await importConfig(configUrl)).default;
  if (Array.isArray((config as Partial<Config> | undefined)?.modules)) return config;
  throw new EngineError(
    'CONFIG_INVALID',
    `${configUrl} has no default export with a list of modules; write: export default defineConfig({ modules: […] })`,
  );
}

async function importConfig(configUrl: string): Promise<{ readonly default?: unknown }> {
  try {
    return (await import(configUrl)) as { readonly default?: unknown };
  } catch (error) {
    if (isEngineError(error)) throw error;
    const what = (error as Error).message ?? String(error);
    throw new EngineError('CONFIG_INVALID', `${configUrl} cannot be loaded: ${what}`, {
      cause: error,
    });
  }
}

function hostOn(
  database: Database,
  options: HostOptions & Pick<Host, 'config' | 'loading' | 'mcp'>,
): Host {
  const { config, configUrl, loading, mcp, env = process.env } = options;
  const { registry, loader } = loading;
  const profiles = chooseProfiles(config.models, env);
  const rehearsed = profiles ?? rehearsedProfiles(config.models);
  const entities = () => [...registry.entities.values()];
  const enginePool = database.pool('tutti_engine', 2);
  const tenantPool = database.pool('tutti_tenant', 2);
  const connector = (tenantId: number): Connector =>
    embeddedConnector({ pool: tenantPool, tenantId, entities: entities() });
  const openPool = (): Pool => openThreads(database, { ...options, profiles: rehearsed });
  const store = new Store(enginePool);
  const telemetry = new HostTelemetry(env, { spanIds: options.spanIds, log: config.log });
  let engine: Engine | null = null;
  let dispatcher: Pool | null = null;
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
    planner: plannerOf({ ...options, database, store, connector, openPool, rehearsed }),
    connector,
    async sampleTenant(scale, seed = 1) {
      const tenantId = await this.store.tenant(sampleSlug(scale, seed));
      const samples = registry.modules.flatMap((module) => (module.sample ? [module.sample] : []));
      const admin: Database['admin'] = (work) => database.admin(work);
      const sample = await loadSample({
        ...{ admin, tenantId, entities: entities(), samples, scale, seed },
      });
      return { tenantId, sample };
    },
    get zombies() {
      return dispatcher?.health.zombies ?? 0;
    },
    isServed: async () => (await liveEngine(enginePool)) !== null,
    async startEngine(onFailure) {
      const told = await telemetry.start(version);
      dispatcher = openPool();
      const modules = { registry, modules: loader };
      const parts = { database, ...modules, config, profiles, rehearsed, version, dispatcher };
      const openBatches = (target: ModelTarget) => openBatch(target, env);
      const outside = { connector, openBatches, ...(mcp && { mcp }) };
      engine = new Engine({ ...parts, ...outside, ...told, onFailure });
      await engine.start();
      return engine;
    },
    async close(drainMs) {
      try {
        await engine?.stop(drainMs);
        await telemetry.stop();
      } finally {
        await mcp?.close();
        await database.close();
      }
    },
  };
}

function plannerOf({
  database,
  config,
  loading,
  env = process.env,
  mcp,
  store,
  connector,
  openPool,
  rehearsed,
}: Pick<HostOptions, 'env'> &
  Pick<Host, 'database' | 'config' | 'loading' | 'mcp' | 'store' | 'connector'> & {
    readonly openPool: () => Pool;
    readonly rehearsed: Profiles;
  }): Planner {
  const { registry } = loading;
  return new Planner({
    ...{ database, registry, config, connector, profiles: rehearsed, clock: systemClock },
    published: (request) => registryFor(store.definitions, registry, request),
    budgets: new Budgets(database, { registry, config }),
    hasBatches: (target) => hasBatches(target, env),
    ...(mcp && { mcp }),
    openDispatcher: openPool,
  });
}

/** Threads that have loaded the same as this process. */
function openThreads(
  database: Database,
  options: HostOptions & Pick<Host, 'config' | 'loading'> & { readonly profiles: Profiles },
): Pool {
  const { configUrl, dataFolder, loading, profiles, config, env } = options;
  const connection = database.connectionConfig;
  const threads = config.limits?.threads;
  return new Pool({
    setup: {
      ...{ configUrl, connection, dataFolder, profiles, ...loading.loader.declared },
      profile: env?.TUTTI_PROFILE,
    },
    ...(threads !== undefined && { threads }),
  });
}

/** The name of the tenant that holds the sample company of a scale and a seed. */
export function sampleSlug(scale: number, seed = 1): string {
  return seed === 1 ? `sample-${scale}` : `sample-${scale}-${seed}`;
}

/** Whether a tenant holds a sample company, of any scale and seed. */
export function isSample(slug: string): boolean {
  return /^sample-\d+(-\d+)?$/.test(slug);
}

/** URL of the configuration that a path names, from the working directory. */
export function configUrl(path: string): string {
  return pathToFileURL(path).href;
}
