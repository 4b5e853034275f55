import { hasAccess } from '../../sdk/policy.ts';
import type { Facts } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/** An agent calls the tools that its declaration lists. */
export function listed(facts: Facts): Ruling | null {
  if (facts.listed) return null;
  return refuse(
    'access.listed',
    `'${facts.agent}' does not list the tool '${facts.tool}'; add it to the agent's tools.`,
  );
}

/** Tools of other modules need a policy, unless they are public. */
export function sameModule(facts: Facts): Ruling | null {
  if (facts.access === 'public' || facts.agentModule === facts.toolModule) return null;
  if (hasAccess(facts.policies, facts)) return null;
  return refuse(
    'access.module',
    `'${facts.tool}' is for agents of '${facts.toolModule}'; a policy must give '${facts.agent}' access to it.`,
  );
}
