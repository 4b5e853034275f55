import { EngineError } from '../../base/errors.ts';
import { matches } from '../../sdk/policy/policy.ts';
import type { McpConfig, McpPolicy } from './config.ts';

/** A policy with its name. */
export interface NamedPolicy extends McpPolicy {
  readonly name: string;
}

/** The policy of agents that no other names. */
const usual = 'standard';

/** What an agent may have of the servers: the first policy that names it, else `standard`, which allows everything unless it is configured. */
export function policyOf({ policies = {} }: McpConfig, agent: string): NamedPolicy {
  const [name, policy] = Object.entries(policies).find(
    ([each, { agents }]) => each !== usual && matches(agents, agent),
  ) ?? [usual, policies[usual] ?? {}];
  return { name, ...policy };
}

/** Refuses what a policy does not allow. @throws MCP_REFUSED naming what it does */
export function requireAllowed(
  policy: NamedPolicy,
  call: { readonly server: string; readonly tool: string },
  agent: string,
): void {
  const { name, servers, tools } = policy;
  const refused = (what: string, allowed: readonly string[] = []): EngineError =>
    new EngineError(
      'MCP_REFUSED',
      `'${agent}' may not call ${what}: its policy '${name}' (mcp.policies) allows ${allowed.join(', ') || 'none'}.`,
    );
  const { server, tool } = call;
  if (servers && !servers.includes(server)) throw refused(`MCP server '${server}'`, servers);
  if (!matches(tools, tool)) {
    throw refused(`'${tool.slice(0, 100)}' of MCP server '${server}'`, tools);
  }
}

/** Checks policies, whoever wrote them. @throws CONFIG_INVALID naming the first that is wrong */
export function checkPolicies({ policies = {}, servers }: McpConfig): void {
  for (const [name, policy] of Object.entries(policies)) {
    const unknown = policy.servers?.find((server) => !Object.hasOwn(servers, server));
    if (unknown !== undefined) {
      const known = Object.keys(servers).join(', ') || 'none';
      throw invalid(name, `there is no MCP server '${unknown}'; configured are ${known}`);
    }
    if (name === usual && policy.agents !== undefined) {
      throw invalid(name, 'it is for the agents that no other policy names; leave out agents');
    }
    if (name !== usual && !policy.agents?.length) {
      throw invalid(name, "it names no agents; write agents: ['module.agent', 'module.*']");
    }
  }
}

function invalid(name: string, what: string): EngineError {
  return new EngineError('CONFIG_INVALID', `mcp.policies.${name.slice(0, 100)}: ${what}.`);
}
