import { mayHandTo } from '../sdk/delegates.ts';
import { policiesInForce } from '../sdk/policy/policies-in-force.ts';
import { mayBeAbout, type Policy } from '../sdk/policy/policy.ts';
import type { RegisteredAgent } from '../sdk/registered-agent.ts';
import { isOwn } from '../sdk/tool-access.ts';
import type { Facts } from './facts.ts';
import type { Call, StepScope } from './scope.ts';

/**
 * What is set at run time for a call that would do something: grants that stand before the policies', and whether its effects are
 * only observed. @throws DB_* where nobody can tell: then nothing is decided
 */
export async function standingOf(
  { tool, scope }: Pick<Call, 'tool' | 'scope'>,
  agents: readonly string[],
): Promise<Pick<Facts, 'autonomy' | 'shadow'>> {
  if (tool.effect === 'read') return { autonomy: [], shadow: false };
  const { autonomy, shadow } = await scope.authority();
  const asked = agents.map((agent) => ({ agent, tool: tool.name, company: scope.company }));
  const isShadowed = asked.some((one) => shadow.some((each) => mayBeAbout(each, one)));
  return { autonomy, shadow: isShadowed };
}

/** Whether an agent may hand work to another one by the policies in force. @throws DB_* where nobody can tell */
export async function mayHandOn(
  scope: StepScope,
  to: Pick<RegisteredAgent, 'name' | 'module'>,
): Promise<boolean> {
  const { agentName: name, module } = scope;
  return to.module === module || mayHandTo(await inForce(scope), { name, module }, to);
}

/**
 * The policies by which a call is decided: what the code says, and before it the versions that people have put in force. A read of the
 * agent's own module, or of a tool for everybody, no policy is asked about. @throws DB_* where nobody can tell: then nothing is decided
 */
export async function policiesOf(
  { tool, scope }: Pick<Call, 'tool' | 'scope'>,
  { agentName: agent, module }: Pick<StepScope, 'agentName' | 'module'>,
): Promise<readonly Policy[]> {
  if (tool.effect === 'read' && isOwn(tool, { agent, module }, [])) return scope.policies;
  return inForce(scope);
}

async function inForce(scope: StepScope): Promise<readonly Policy[]> {
  return policiesInForce(scope.policies, (await scope.authority()).policies);
}
