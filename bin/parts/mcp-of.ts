import { publishedRegistry } from '../../core/engine/versions/published.ts';
import type { McpOptions } from '../../core/service/mcp/parts.ts';
import type { Host } from '../host.ts';
import { recordOf } from '../outcome.ts';
import { version } from '../version.ts';

/** What a process serves other systems with, by the Model Context Protocol. */
export function mcpOf(host: Host, startOwn: McpOptions['startOwn']): McpOptions {
  const { serve } = host.config.mcp ?? {};
  return {
    version,
    startOwn,
    policies: async (tenantId) => {
      const { store, registry } = host;
      const published = await publishedRegistry(store.definitions, registry, { tenantId });
      return published.policies;
    },
    record: (tenantId, runId) => recordOf(host, tenantId, runId),
    ...(serve && { serve }),
  };
}
