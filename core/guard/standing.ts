import { mayBeAbout } from '../sdk/policy.ts';
import type { Facts } from './facts.ts';
import type { Call } from './scope.ts';

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
