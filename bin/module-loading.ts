import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { systemClock } from '../core/base/clock.ts';
import { EngineError, type ErrorData, fromErrorData, toErrorData } from '../core/base/errors.ts';
import { ModuleLoader } from '../core/engine/modules/module-loader.ts';
import { type CheckedModule, ModuleLoads } from '../core/engine/modules/module-loads.ts';
import type { Config } from '../core/ports/config.ts';
import type { Database } from '../core/ports/db/database.ts';
import { prepareEmbedded } from '../core/ports/erp/embedded.ts';
import { sharedEntities } from '../core/ports/erp/entities.ts';
import { type ModuleRef, readModule, withModules } from '../core/ports/module-code.ts';
import type { AnyEntity } from '../core/sdk/entity.ts';
import { liveRegistry } from '../core/sdk/live-registry.ts';
import type { Module } from '../core/sdk/module.ts';
import { loadRegistry, type Registry } from '../core/sdk/registry.ts';
import { compileHooks } from '../core/service/hooks/compile.ts';

/** What the modules of a process are loaded from. */
interface Ground {
  readonly database: Database;
  readonly config: Config;
  readonly configUrl: string;
}

/** What is loaded in a process: the configuration's modules, and those that were loaded beside them. */
export interface LoadedModules {
  readonly registry: Registry;
  readonly loader: ModuleLoader;
  readonly loads: ModuleLoads;
}

/** What tries a module is told. */
export interface ModuleTrial {
  readonly configUrl: string;
  /** The profile of the configuration. @default as the environment says */
  readonly profile: string | undefined;
  readonly modules: readonly ModuleRef[];
  /** The one that is asked about. */
  readonly name: string;
}

/** What tries a module tells. */
export type ModuleVerdict = { readonly checked: CheckedModule } | { readonly error: ErrorData };

/** How long code may take to load until it is refused. */
const patienceMs = 60_000;

/** Loads what is to be loaded beside the configuration's modules; what cannot be is left out. @throws DB_* */
export async function openModules(
  { database, config, configUrl }: Ground,
  configured: Registry,
): Promise<LoadedModules> {
  const live = liveRegistry(configured);
  const loads = new ModuleLoads(database.pool('tutti_engine', 1));
  const prepare = async (entities: readonly AnyEntity[]): Promise<void> => {
    await database.admin((client) => prepareEmbedded(client, entities));
  };
  await prepare([...configured.entities.values()]);
  const loader = new ModuleLoader({
    ...{ loads, live, prepare, configured: config.modules.map(({ name }) => name) },
    read: (ref) => readModule({ config, configUrl }, ref),
    registryWith: (modules) => registryWith(config, modules),
  });
  await loader.open();
  return { registry: live.registry, loader, loads };
}

/** The registry of a configuration with modules beside its own, checked whole. @throws MODULE_INVALID and what else a start refuses */
export function registryWith(config: Config, modules: readonly Module[]): Registry {
  const registry = loadRegistry(
    withModules(
      config,
      modules.map((module) => ({ module })),
    ),
    sharedEntities,
  );
  compileHooks(registry);
  return registry;
}

/**
 * Loads a configuration with modules on a thread of its own and says what came of it: code that throws, never ends or ends its process
 * does that to nobody else. `withinMs` (default 60,000): how long it may take. @throws MODULE_INVALID · MODULE_NOT_LOADABLE · CONFIG_INVALID
 */
export async function tryModule(
  trial: ModuleTrial,
  withinMs: number = patienceMs,
): Promise<CheckedModule> {
  const thread = new Worker(new URL('./module-trial.ts', import.meta.url), { workerData: trial });
  const late = Promise.withResolvers<never>();
  const cancel = systemClock.after(withinMs, () =>
    late.reject(unfit(trial, `it was not loaded within ${withinMs} ms`)),
  );
  try {
    const told = once(thread, 'message').then(([verdict]) => verdict as ModuleVerdict);
    const ended = once(thread, 'exit').then(([code]) => {
      throw unfit(trial, `loading it ended its thread with code ${code}`);
    });
    const verdict = await Promise.race([told, ended, late.promise]);
    if ('checked' in verdict) return verdict.checked;
    throw fromErrorData(verdict.error);
  } catch (error) {
    throw fromErrorData(toErrorData(error, 'MODULE_INVALID'));
  } finally {
    cancel();
    await thread.terminate();
  }
}

function unfit({ name }: ModuleTrial, what: string): EngineError {
  return new EngineError('MODULE_INVALID', `Module '${name}': ${what}.`);
}
