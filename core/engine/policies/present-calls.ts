import { riskOf } from '../../sdk/policy/tier.ts';
import type { Registry } from '../../sdk/registry.ts';
import type { AnyTool } from '../../sdk/tool.ts';
import { isOwn } from '../../sdk/tool-access.ts';
import type { Space } from './difference.ts';

/** The calls that there can be today: each agent with the tools that it lists, in each company. */
export function presentCalls(
  { agents, tools }: Pick<Registry, 'agents' | 'tools'>,
  companies: readonly string[],
): Space {
  const listed = (agent: string): readonly AnyTool[] =>
    Object.values(agents.get(agent)?.agent.tools ?? {});
  const named = [...agents.values()].filter(({ isTool }) => !isTool).map(({ name }) => name);
  return {
    agents: () => named,
    tools: (agent) => listed(agent).map(({ name }) => name),
    companies: () => companies,
    kindOf: (agent, name) => {
      const tool = tools.get(name);
      const module = agents.get(agent)?.module ?? '';
      const access = tool && !isOwn(tool, { agent, module }, []) ? (['access'] as const) : [];
      if (!tool || tool.effect === 'read') return { aspects: access, risks: [], movesMoney: false };
      const isHeld = tool.effect === 'write' || tool.effect === 'send';
      return {
        aspects: [...access, 'autonomy', 'tiers', ...(isHeld ? (['external'] as const) : [])],
        risks: [riskOf(tool)],
        movesMoney: tool.amount !== undefined,
      };
    },
  };
}
