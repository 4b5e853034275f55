import { EngineError } from '../../core/base/errors.ts';
import type { McpConfig } from '../../core/ports/mcp/config.ts';
import type { Mcp } from '../../core/sdk/outside.ts';
import type { Conversation } from './conversation.ts';

/**
 * The MCP servers, as a job's tools see them: a call goes to the server that it names, else to that of the job's node, else to the
 * configuration's default. Which it is, the server never hears.
 */
export function mcpOf(
  talk: Pick<Conversation, 'job' | 'mcp'>,
  config: McpConfig | undefined,
): (signal: AbortSignal) => Mcp {
  const usual = talk.job.server ?? config?.defaultServer;
  return (signal) => ({
    async call({ tool, args, server = usual }) {
      if (server === undefined) throw nowhere(tool, config);
      return await talk.mcp({ tool, args, server }, signal);
    },
  });
}

function nowhere(tool: string, config: McpConfig | undefined): EngineError {
  const names = Object.keys(config?.servers ?? {});
  const known = names.length === 0 ? 'mcp.servers names none' : `known are ${names.join(', ')}`;
  return new EngineError(
    'MCP_SERVER_UNKNOWN',
    `The call of '${tool}' says no MCP server, nor does its node or mcp.defaultServer; name one: ${known}.`,
  );
}
