import { Router } from 'express';
import { z } from 'zod';
import type { McpPins } from '../../../ports/db/mcp-pins.ts';
import type { OpenMcpPool } from '../../../ports/mcp/pool.ts';
import { acceptTools, reviewTools } from '../../../ports/mcp/review.ts';
import { readBody, whenGone } from '../request.ts';

/** The pool of the engine's process, with what is pinned. */
export interface McpDesk {
  readonly pool: Pick<OpenMcpPool, 'servers' | 'definitions'>;
  readonly pins: McpPins;
}

const acceptBody = z.strictObject({
  tool: z.string().min(1).max(256),
  /** What was looked at: another definition is not accepted. */
  digest: z.string().regex(/^[0-9a-f]{64}$/),
});

/**
 * `/v1/mcp/servers`: the servers that tools call, their statistics by profile, their tools beside what is pinned; a changed tool is
 * accepted by its digest.
 */
export function mcpServerRoutes(desk: McpDesk): Router {
  const router = Router();

  router.get('/', (_request, response) => {
    response.json({ items: desk.pool.servers(), next: null });
  });

  router.get('/:server/tools', async (request, response) => {
    const items = await reviewTools(desk, request.params.server, whenGone(response));
    response.json({ items, next: null });
  });

  router.post('/:server/accept', async (request, response) => {
    const { tool, digest } = readBody(request, acceptBody);
    const { server } = request.params;
    // Until callers have an identity, whoever reaches the loopback address is the owner of this installation.
    const accepted = { server, tool, digest, by: 'local' };
    response.json({ items: await acceptTools(desk, accepted, whenGone(response)), next: null });
  });

  return router;
}
