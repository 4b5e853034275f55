import { StopStore } from '../core/engine/authority/stop-store.ts';
import { Modules } from '../core/engine/modules/modules.ts';
import type { Host } from './host.ts';

/** The modules that this process has loaded. */
export function modulesOf({ database, registry }: Host): Modules {
  const stops = new StopStore(database.pool('tutti_engine', 1), registry);
  return new Modules({ database, registry, stops });
}
