import { isOwn } from '../../sdk/tool-access.ts';
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

/** Tools of other modules, and restricted ones, need a policy or a grant. */
export function sameModule(facts: Facts): Ruling | null {
  const { agent, agentModule: module, tool, toolModule, access, policies } = facts;
  const named = { name: tool, module: toolModule, access };
  if (facts.granted || isOwn(named, { agent, module }, policies)) return null;
  if (access === 'restricted')
    return refuse(
      'access.restricted',
      `'${tool}' is restricted; somebody must give '${agent}' access to it: tutti tools grant ${tool} --agent ${agent}`,
    );
  return refuse(
    'access.module',
    `'${tool}' is for agents of '${facts.toolModule}'; a policy must give '${agent}' access to it, or: tutti tools grant ${tool} --agent ${agent}`,
  );
}
