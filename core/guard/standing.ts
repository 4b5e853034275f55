import { policiesInForce } from '../sdk/policies-in-force.ts';
import { mayBeAbout, type Policy } from '../sdk/policy.ts';
import { isOwn } from '../sdk/tool-access.ts';
import type { Facts } from './facts.ts';
import type { Call, StepScope } from './scope.ts';

/**
 * What is set at run time for a call that would do something: grants that stand before the policies', and whether its effects are
 * only observed. @throws DB_* where nobody can tell: then nothing is decided
 */
export async function standingOf(
  { tool, scope }: Pick<Call, 'tool' | 'scope'>,
  agent: string = scope.agentName,
): Promise<Pick<Facts, 'autonomy' | 'shadow'>> {
  if (tool.effect === 'read') return { autonomy: [], shadow: false };
  const { autonomy, shadow } = await scope.authority();
  const asked = { agent, tool: tool.name, company: scope.company };
  return { autonomy, shadow: shadow.some((each) => mayBeAbout(each, asked)) };
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
  const { policies } = await scope.authority();
  return policiesInForce(scope.policies, policies);
}
