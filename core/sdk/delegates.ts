import { fileOf, invalid } from './check-module.ts';
import { hasAccess, type Policy } from './policy/policy.ts';
import type { RegisteredAgent } from './registered-agent.ts';
import type { AnyTool } from './tool.ts';

type Agents = ReadonlyMap<string, RegisteredAgent>;

/** What a policy's `access` calls an agent that others may hand work to. */
const delegateName = (agent: string): string => `agent:${agent}`;

/** Whether policies let an agent hand work to another one: in its own module it may, elsewhere `access` must say so. */
export function mayHandTo(
  policies: readonly Policy[],
  from: Pick<RegisteredAgent, 'name' | 'module'>,
  to: Pick<RegisteredAgent, 'name' | 'module'>,
): boolean {
  return (
    from.module === to.module ||
    hasAccess(policies, { agent: from.name, tool: delegateName(to.name) })
  );
}

/**
 * Agents with those that they may hand work to, in the order in which they came.
 * @throws MODULE_INVALID for a name that is no agent, is of a module that no policy opens, is that of a tool of the same agent, or leads
 *   back to the agent itself
 */
export function withDelegates(agents: Agents, policies: readonly Policy[]): Agents {
  if ([...agents.values()].every(({ agent }) => !agent.delegates)) return agents;
  const known = new Map<string, RegisteredAgent>();
  const resolve = (own: RegisteredAgent, path: readonly string[]): RegisteredAgent => {
    const found = known.get(own.name);
    if (found) return found;
    const way = [...path, own.name];
    const names: readonly string[] = own.agent.delegates ?? [];
    const delegates = names.map((name) => {
      const delegate = delegateOf(own, name, { agents, policies });
      if (way.includes(name))
        throw fault(own, `lead back to itself (${[...way, name].join(' → ')}); drop one of them.`);
      return resolve(delegate, way);
    });
    const whole = delegates.length === 0 ? own : Object.freeze({ ...own, delegates });
    known.set(own.name, whole);
    return whole;
  };
  return new Map([...agents].map(([name, agent]) => [name, resolve(agent, [])]));
}

function delegateOf(
  own: RegisteredAgent,
  name: string,
  { agents, policies }: { readonly agents: Agents; readonly policies: readonly Policy[] },
): RegisteredAgent {
  const found = agents.get(name);
  if (!found || found.isTool || found.isOwn)
    throw fault(own, `name '${name}', which is no agent of a loaded module.`);
  if (!mayHandTo(policies, own, found))
    throw fault(
      own,
      `name '${name}' of another module; a policy's access must give '${own.name}' the tool '${delegateName(name)}'.`,
    );
  const tools = Object.values(own.agent.tools as Readonly<Record<string, AnyTool>>);
  if (tools.some((tool) => tool.name === name))
    throw fault(own, `name '${name}', as a tool of it is called; rename one of them.`);
  return found;
}

function fault({ name, module, agent }: RegisteredAgent, what: string): Error {
  return invalid(
    module,
    `agents/${fileOf(agent.name)}.ts, field 'delegates':`,
    `those of '${name}' ${what}`,
  );
}

/** A tool that an agent reaches, by itself or through others, and everybody on the way to it, the agent first. */
export interface Reach {
  readonly tool: AnyTool;
  readonly way: readonly string[];
}

/** Every tool that an agent reaches. */
export function reachOf({
  name,
  agent,
  delegates = [],
}: Pick<RegisteredAgent, 'name' | 'agent' | 'delegates'>): readonly Reach[] {
  const own = (Object.values(agent.tools) as readonly AnyTool[]).map((tool) => ({
    tool,
    way: [name],
  }));
  const others = delegates.flatMap(reachOf);
  return [...own, ...others.map(({ tool, way }) => ({ tool, way: [name, ...way] }))];
}
