import { z } from 'zod';
import type { Agents } from '../../../engine/agents/agents.ts';
import { looks, type Offer, offer } from '../offer.ts';
import type { McpParts } from '../parts.ts';

const name = z.string().min(1).max(64).optional();

/** Agents: who there is, what for, and with which tools. */
export function agentOffers({ tenantId }: McpParts, agents: Agents): readonly Offer[] {
  return [
    offer({
      name: 'list_agents',
      description:
        'Lists the agents, those that people have made included: purpose, capabilities, tools. Of one module, or those that can do one thing, if asked.',
      ...{ scope: 'read', annotations: looks },
      input: z.strictObject({ module: name, capability: name }),
      call: async (filter) => ({ items: await agents.list(tenantId, filter) }),
    }),
  ];
}
