import { StopStore } from '../../core/engine/authority/stop-store.ts';
import { ModuleDesk } from '../../core/engine/modules/module-desk.ts';
import { Modules } from '../../core/engine/modules/modules.ts';
import type { Host } from '../host.ts';
import { tryModule } from '../module-loading.ts';

/** The modules that this process has loaded. */
export function modulesOf({ database, registry }: Host): Modules {
  const stops = new StopStore(database.pool('tutti_engine', 1), registry);
  return new Modules({ database, registry, stops });
}

/** Has modules loaded and taken away for people and programs. `look`: has the engine of this process do it at once (default: engines look within a second). */
export function moduleDeskOf(
  { config, configUrl, env, loading: { loads, loader } }: Host,
  look?: () => Promise<void>,
): ModuleDesk {
  const where = { configUrl, profile: env.TUTTI_PROFILE };
  return new ModuleDesk({
    ...{ config, loads, loader },
    check: (modules, name) => tryModule({ ...where, modules, name }),
    ...(look && { look }),
  });
}
