import { pathToFileURL } from 'node:url';
import { Engine } from '../core/engine/engine.ts';
import { Store } from '../core/engine/run/store.ts';
import type { Config } from '../core/ports/config.ts';
import { type Database, openDatabase } from '../core/ports/db/database.ts';
import { embeddedConnector, prepareEmbedded } from '../core/ports/erp/embedded.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { type LoadedSample, loadSample } from '../core/ports/erp/load-sample.ts';
import { chooseProfiles, type Profiles } from '../core/ports/models/profiles.ts';
import { loadRegistry, type Registry } from '../core/sdk/registry.ts';
import { Pool } from '../worker/pool.ts';

/** What a process of Tutti is built from. */
export interface HostOptions {
  /** URL of a module that default-exports a Config. */
  readonly configUrl: string;
  /** A PostgreSQL server. @default the embedded one, under `dataFolder` */
  readonly databaseUrl?: string | undefined;
  readonly dataFolder: string;
  readonly env?: NodeJS.ProcessEnv;
}

/** The composition root at run time: database, modules, sample company and, when asked, an engine with its threads. */
export interface Host {
  readonly database: Database;
  readonly registry: Registry;
  readonly config: Config;
  /** Null: agents run their playbooks. */
  readonly profiles: Profiles | null;
  readonly store: Store;
  /** The tenant of the sample company of a scale, which is loaded when it is not there yet. */
  sampleTenant(scale: number, seed?: number): Promise<{ readonly tenantId: number; readonly sample: LoadedSample }>;
  /** Opens the engine of this process. */
  startEngine(onFailure: (error: Error) => void): Promise<Engine>;
  /** Ends the engine, then everything under it. */
  close(): Promise<void>;
}

/** The release, as stored with engines. */
export const version = '0.1.0';

/** Opens everything but the engine. @throws CONFIG_INVALID · MODULE_INVALID · DB_* · DATA_FOLDER */
export async function openHost(options: HostOptions): Promise<Host> {
  const env = options.env ?? process.env;
  const { default: config } = (await import(options.configUrl)) as { readonly default: Config };
  const registry = loadRegistry(config, sharedEntities);
  const profiles = chooseProfiles(config.models, env);
  const database = await openDatabase({ url: options.databaseUrl, dataFolder: options.dataFolder });
  const entities = [...registry.entities.values()];
  const storePool = database.pool('tutti_engine', 2);
  const tenantPool = database.pool('tutti_tenant', 2);
  await database.admin((client) => prepareEmbedded(client, entities));
  const store = new Store(storePool);
  let engine: Engine | null = null;
  return {
    database,
    registry,
    config,
    profiles,
    store,
    async sampleTenant(scale, seed = 1) {
      const tenantId = await store.tenant(seed === 1 ? `sample-${scale}` : `sample-${scale}-${seed}`);
      const samples = registry.modules.flatMap((module) => (module.sample ? [module.sample] : []));
      const sample = await loadSample({ admin: (work) => database.admin(work), tenantId, entities, samples, scale, seed });
      return { tenantId, sample };
    },
    async startEngine(onFailure) {
      const setup = { configUrl: options.configUrl, connection: database.connectionConfig, profiles, digest: registry.digest };
      const threads = config.limits?.threads;
      engine = new Engine({
        database,
        registry,
        config,
        profiles,
        version,
        dispatcher: new Pool({ setup, ...(threads !== undefined && { threads }) }),
        connector: (tenantId) => embeddedConnector({ pool: tenantPool, tenantId, entities }),
        onFailure,
      });
      await engine.start();
      return engine;
    },
    async close() {
      await engine?.stop();
      await database.close();
    },
  };
}

/** URL of the configuration that a path names, from the working directory. */
export function configUrl(path: string): string {
  return pathToFileURL(path).href;
}
