import { Agents } from '../../core/engine/agents/agents.ts';
import { SettingStore } from '../../core/engine/recovery/setting-store.ts';
import type { Host } from '../host.ts';

/** The agents of this process's installation, and of its tenants. */
export function agentsOf(host: Host): Agents {
  const { database, registry, config, store } = host;
  const settings = new SettingStore(database, host);
  return new Agents({ definitions: store.definitions, registry, config, settings });
}
