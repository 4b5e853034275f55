import { Undo } from '../../core/engine/undo/undo.ts';
import type { Host } from '../host.ts';

/** Takes back what the runs of this process's database did. */
export function undoOf(host: Host): Undo {
  return new Undo({
    pool: host.database.pool('tutti_engine', 1),
    store: host.store,
    registry: host.registry,
    connector: (tenantId) => host.connector(tenantId),
  });
}
