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

/** Everything that other systems are offered, by name: equal lists let clients keep what they know of them. @throws MODULE_INVALID */
export function offersOf(parts: McpParts): ReadonlyMap<string, Offer> {
  const { versions, agents, approvals, reviews } = parts;
  const follower = new Follower(parts);
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
