import type pg from 'pg';
import { databasePins, type McpPins } from '../../ports/db/mcp-pins.ts';
import type { Actor } from '../run/request.ts';
import { appendAudit } from './append.ts';

/** Pins of MCP tools for people, who accept what has changed: one row in the installation's chain for each server that they accept from. */
export function auditedPins(pool: pg.Pool): McpPins {
  return databasePins(pool, (client, { server, tools, by }) =>
    appendAudit(client, {
      ...{ tenantId: 0, actor: by as Actor, action: 'mcp_tool.accept', target: server },
      data: { tools: tools.map(({ tool, digest }) => ({ tool, digest })) },
    }),
  );
}
