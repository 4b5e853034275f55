import { auditedPins } from '../../core/engine/audit/mcp-pins.ts';
import type { McpDesk } from '../../core/service/api/routes/mcp-servers.ts';
import type { Host } from '../host.ts';

/** The MCP servers of this process, with what is pinned of their tools; undefined without any. */
export function mcpDeskOf({ mcp: pool, database }: Host): McpDesk | undefined {
  return pool ? { pool, pins: auditedPins(database.pool('tutti_engine', 1)) } : undefined;
}
