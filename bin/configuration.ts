import { pathToFileURL } from 'node:url';
import { EngineError, isEngineError } from '../core/base/errors.ts';
import type { SpanIds } from '../core/base/telemetry/span-ids.ts';
import type { Config } from '../core/ports/config.ts';
import type { openDatabase } from '../core/ports/db/database.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { readyConfig } from '../core/ports/settle-config.ts';
import { loadRegistry, type Registry } from '../core/sdk/registry.ts';

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

/** A configuration with the modules that it names, checked. @throws CONFIG_INVALID · MODULE_INVALID */
export async function openConfig({
  configUrl,
  env = process.env,
}: Pick<HostOptions, 'configUrl' | 'env'>): Promise<{
  readonly config: Config;
  readonly registry: Registry;
}> {
  const config = await openSettled({ configUrl, env });
  return { config, registry: loadRegistry(config, sharedEntities) };
}

/** A configuration, without a look at its modules. @throws CONFIG_INVALID */
export async function openSettled({
  configUrl,
  env = process.env,
}: Pick<HostOptions, 'configUrl' | 'env'>): Promise<Config> {
  return readyConfig(await readConfig(configUrl), { env, where: configUrl });
}

/** How a database is opened whose bodies a configuration has encrypted; undefined: they are not. */
export function encryptionOf(
  { encryption: config }: Pick<Config, 'encryption'>,
  { env = process.env }: Pick<HostOptions, 'env'>,
): Parameters<typeof openDatabase>[0]['encryption'] {
  return config && { config, env };
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

/** URL of the configuration that a path names, from the working directory. */
export function configUrl(path: string): string {
  return pathToFileURL(path).href;
}
