import { History } from '../core/engine/history/history.ts';
import type { Config } from '../core/ports/config.ts';
import { type Database, openDatabase } from '../core/ports/db/database.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { loadRegistry, type Registry } from '../core/sdk/registry.ts';
import { encryptionOf, type HostOptions, openSettled } from './configuration.ts';

/** What a command works with that only asks the database: no ERP, nothing outside, no engine. */
export interface Reading {
  readonly database: Database;
  readonly config: Config;
  /** The modules, checked when somebody asks for them. */
  readonly registry: Registry;
  readonly history: History;
  close(): Promise<void>;
}

/** Opens configuration and database. @throws CONFIG_INVALID · DB_* · DATA_FOLDER; MODULE_INVALID from `registry` */
export async function openReading(options: HostOptions): Promise<Reading> {
  const config = await openSettled(options);
  const database = await openDatabase({
    url: options.databaseUrl,
    dataFolder: options.dataFolder,
    encryption: encryptionOf(config, options),
  });
  let registry: Registry | null = null;
  return {
    database,
    config,
    get registry() {
      registry ??= loadRegistry(config, sharedEntities);
      return registry;
    },
    history: new History(database),
    close: () => database.close(),
  };
}
