import { Follower } from './follow.ts';
import type { Offer } from './offer.ts';
import type { McpParts } from './parts.ts';
import { agentOffers } from './tools/agents.ts';
import { approvalOffers } from './tools/approvals.ts';
import { effectOffers } from './tools/effects.ts';
import { findingOffers } from './tools/findings.ts';
import { moduleToolOffers } from './tools/module-tools.ts';
import { proposalOffers } from './tools/proposals.ts';
import { runOffers } from './tools/runs.ts';
import { workflowOffers } from './tools/workflows.ts';

/**
 * Everything that other systems are offered, by name: equal lists let clients keep what they know of them. Asked again, it tells of the tools
 * that are loaded then; modules that came and do not fit are not offered.
 * @throws MODULE_INVALID when what is loaded now does not fit
 */
export function offersOf(parts: McpParts): () => ReadonlyMap<string, Offer> {
  const follower = new Follower(parts);
  let { tools } = parts.registry;
  let offers = offersNow(parts, follower);
  return () => {
    if (parts.registry.tools === tools) return offers;
    ({ tools } = parts.registry);
    try {
      offers = offersNow(parts, follower);
    } catch (error) {
      parts.onError(error);
    }
    return offers;
  };
}

function offersNow(parts: McpParts, follower: Follower): ReadonlyMap<string, Offer> {
  const { versions, agents, approvals, reviews } = parts;
  const offers = [
    ...(versions ? workflowOffers(parts, versions) : []),
    ...runOffers(parts, follower),
    ...(agents ? agentOffers(parts, agents) : []),
    ...findingOffers(parts),
    ...(approvals ? approvalOffers(parts, approvals) : []),
    ...proposalOffers(parts),
    ...(reviews ? effectOffers(parts, reviews) : []),
    ...moduleToolOffers(parts, follower),
  ];
  const sorted = [...offers].sort((a, b) => (a.name < b.name ? -1 : 1));
  return new Map(sorted.map((each) => [each.name, each]));
}
