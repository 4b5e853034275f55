import { ask } from './handler.ts';
import { asksMasterData } from './rules/labels.ts';
import type { Call } from './scope.ts';

/**
 * What master data says to the sensitive arguments of a call: null where it confirms them, else what differs. Asked only where a policy
 * makes the answer decide; undefined otherwise, and of a tool that cannot tell. @throws what the tool or the ERP throws
 */
export async function groundedOf(call: Call, args: unknown): Promise<string | null | undefined> {
  const { tool, scope, policies } = call;
  const { agentName, delegators = [] } = scope;
  const { trust } = scope.label;
  const asked = { tool: tool.name, policies, trust, effect: tool.effect };
  const asks = [agentName, ...delegators].some((agent) => asksMasterData({ ...asked, agent }));
  if (!tool.grounded || !asks) return undefined;
  const found: unknown = await ask(call, async (context) => await tool.grounded?.(args, context));
  // Whatever is no null confirms nothing.
  if (found === null) return null;
  return typeof found === 'string' && found !== ''
    ? found
    : `'${tool.name}' did not say what differs`;
}
