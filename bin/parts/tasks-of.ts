import type { TaskParts } from '../../core/engine/tasks/tasks.ts';
import { Tasks } from '../../core/engine/tasks/tasks.ts';
import { publishedRegistry } from '../../core/engine/versions/published.ts';
import type { Host } from '../host.ts';

/** Starts and shows single tasks on this process's database; `startOwn` stores their runs. */
export function tasksOf(
  host: Host,
  { startOwn, hasModels }: Pick<TaskParts, 'startOwn' | 'hasModels'>,
): Tasks {
  const { database, history, registry, store } = host;
  return new Tasks({
    ...{ database, history, startOwn, hasModels },
    registry: (tenantId) => publishedRegistry(store.definitions, registry, { tenantId }),
  });
}
