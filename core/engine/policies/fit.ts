import { findTierFault } from '../../sdk/policy/check-policy.ts';
import { dutyConflicts } from '../../sdk/policy/duties.ts';
import { matches, type Policy } from '../../sdk/policy/policy.ts';
import { policyInvalid } from '../../sdk/policy/policy-document.ts';
import type { Registry } from '../../sdk/registry.ts';
import { personsOf, type Roles } from '../approvals/rules.ts';

/** What policies are judged against. */
export interface Around {
  readonly registry: Pick<Registry, 'agents' | 'tools'>;
  readonly roles: Roles;
}

/** What is wrong with a policy where it would be in force, as a module's is looked at when it loads; null: nothing. */
export function faultOf(
  name: string,
  { before, after }: { readonly before: readonly Policy[]; readonly after: readonly Policy[] },
  { registry: { agents, tools } }: Around,
): string | null {
  const tier = findTierFault(
    after.filter((policy) => policy.name === name),
    tools,
  );
  if (tier) return `tier '${tier.tier}' ${tier.reason.replace(/\.$/, '')}`;
  const all = [...agents.values()];
  // What others have brought about is not held against this one.
  const known = dutyConflicts(all, before).map(conflictKey);
  const conflict = dutyConflicts(all, after).find((each) => !known.includes(conflictKey(each)));
  if (!conflict) return null;
  const [one, other] = conflict.tools.map((tool) => `'${tool.name}' (duty '${tool.duty}')`);
  return `lets '${conflict.agent}' have ${one} and ${other} in one hand: ${conflict.rule.reason}; leave one of them at 'propose'`;
}

function conflictKey({ agent, tools }: ReturnType<typeof dutyConflicts>[number]): string {
  return JSON.stringify([agent, ...tools.map(({ name }) => name)]);
}

/** Refuses a policy that would not do where it is to be in force. @throws POLICY_INVALID */
export function refuseUnfit(
  name: string,
  sets: Parameters<typeof faultOf>[1],
  around: Around,
): void {
  const fault = faultOf(name, sets, around);
  if (fault !== null) throw policyInvalid(`'${name}'`, fault);
}

/** What people should know all the same: patterns that fit nothing now, and people that there are not. */
export function warningsOf(policy: Policy, { registry, roles }: Around): readonly string[] {
  const { grants, access = [], tiers = [], external = [] } = policy;
  const scopes = [...grants, ...access, ...tiers, ...external];
  const [agents, tools] = [[...registry.agents.keys()], [...registry.tools.values()]];
  const named = (member: 'agents' | 'tools'): readonly string[] => [
    ...new Set(scopes.flatMap((scope) => scope[member] ?? [])),
  ];
  const fitting = (pattern: string, names: readonly string[]): boolean =>
    names.some((name) => matches([pattern], name));
  const names = tools.map(({ name }) => name);
  const few = tiers.filter(({ by, required = 1 }) => personsOf(by, roles).length < required);
  const moneyless = tiers.filter(
    ({ above, tools: of }) =>
      above && !tools.some((tool) => tool.amount !== undefined && matches(of, tool.name)),
  );
  return [
    ...named('agents')
      // 'mcp' stands for other systems, 'custom.…' for agents that may be made later.
      .filter((each) => each !== 'mcp' && !each.startsWith('custom.') && !fitting(each, agents))
      .map((each) => `'${each}' fits no agent that there is now`),
    ...named('tools')
      .filter((each) => !fitting(each, names))
      .map((each) => `'${each}' fits no loaded tool`),
    ...few.map(({ name, by, required = 1 }) => {
      return `tier '${name}' asks for ${required} of ${by.join(', ')}, who are fewer`;
    }),
    ...moneyless.map(({ name, above }) => {
      return `tier '${name}' begins at ${above?.amount} ${above?.currency}, and no tool that it is about tells an amount`;
    }),
  ];
}
