import { z } from 'zod';
import type { McpPins } from '../../../ports/db/mcp-pins.ts';
import type { OpenMcpPool } from '../../../ports/mcp/pool.ts';
import { acceptTools, reviewTools } from '../../../ports/mcp/review.ts';
import { hexDigest } from '../request.ts';
import { defineRoute, ok, type Route } from '../route.ts';
import { listOf } from '../shapes.ts';

/** The pool of the engine's process, with what is pinned. */
export interface McpDesk {
  readonly pool: Pick<OpenMcpPool, 'servers' | 'definitions'>;
  readonly pins: McpPins;
}

const acceptBody = z.strictObject({
  tool: z.string().min(1).max(256),
  digest: hexDigest.meta({
    description: 'What was looked at: another definition is not accepted.',
  }),
});
const serverShape = z
  .object({
    name: z.string(),
    kind: z.enum(['stdio', 'http']),
    command: z.string().meta({ description: 'The command in full, or the address.' }),
    pid: z.int().nullable(),
    session: z
      .object({ protocolVersion: z.string(), server: z.string(), calls: z.int() })
      .nullable()
      .meta({ description: 'Null while none is open.' }),
    profiles: z.array(
      z.object({
        server: z.string(),
        model: z.string(),
        policy: z.string(),
        calls: z.int(),
        failures: z.int(),
        running: z.int(),
        totalMs: z.number(),
        sessions: z.int(),
      }),
    ),
  })
  .meta({ id: 'McpServer' });
const toolShape = z
  .object({
    tool: z.string(),
    description: z.string().meta({ description: 'A stranger’s words.' }),
    state: z
      .enum(['new', 'pinned', 'changed', 'gone'])
      .meta({ description: 'Calls of a changed tool are refused.' }),
    digest: z.string().nullable().meta({ description: 'Of what the server says now, hex.' }),
    pin: z
      .object({ digest: z.string(), by: z.string().nullable(), at: z.iso.datetime() })
      .nullable(),
    changes: z.array(
      z.object({
        path: z.string(),
        before: z.unknown().optional(),
        after: z.unknown().optional(),
      }),
    ),
  })
  .meta({ id: 'McpTool' });

/**
 * `/v1/mcp/servers`: the servers that tools call, their statistics by profile, their tools beside what is pinned; a changed tool is
 * accepted by its digest.
 */
export function mcpServerRoutes(desk: McpDesk): readonly Route[] {
  const errors = ['MCP_SERVER_UNKNOWN', 'MCP_SERVER_FAILED'] as const;
  return [
    defineRoute({
      method: 'get',
      path: '/v1/mcp/servers',
      summary: 'Lists the MCP servers that tools call, with their statistics by profile.',
      permission: 'agents:read',
      answers: { 200: listOf(serverShape) },
      handle: async () => ok({ items: desk.pool.servers(), next: null }),
    }),
    defineRoute({
      method: 'get',
      path: '/v1/mcp/servers/:server/tools',
      summary: 'Lists the tools of an MCP server as it describes them now, beside what is pinned.',
      permission: 'agents:read',
      answers: { 200: listOf(toolShape) },
      errors,
      handle: async ({ params, signal }) =>
        ok({ items: await reviewTools(desk, params.server, signal), next: null }),
    }),
    defineRoute({
      method: 'post',
      path: '/v1/mcp/servers/:server/accept',
      summary: 'Accepts a new or changed tool of an MCP server by its digest.',
      permission: 'tools:grant',
      body: acceptBody,
      answers: { 200: listOf(toolShape) },
      errors: [...errors, 'MCP_TOOL_UNKNOWN', 'MCP_TOOL_CHANGED'],
      handle: async ({ params: { server }, body: { tool, digest }, actor, signal, demand }) => {
        // Pins are the installation's: tools of every module and tenant may call it.
        demand({ module: null }, 'tenants:write');
        const accepted = { server, tool, digest, by: actor };
        return ok({ items: await acceptTools(desk, accepted, signal), next: null });
      },
    }),
  ];
}
