import { isForRoles, isGranted, isOwn, rolesOf } from '../sdk/tool-access.ts';
import { personsOf } from './actor.ts';
import type { Call, StepScope } from './scope.ts';

/**
 * Whether a grant of run time gives a call's tool to its agent, or to a role of whoever the run is for. Nobody is asked about a tool that
 * is the agent's own. @throws DB_* where nobody can tell: then nothing is decided
 */
export async function isGrantedTo(
  { tool, scope, policies }: Pick<Call, 'tool' | 'scope' | 'policies'>,
  { agentName: agent, module }: Pick<StepScope, 'agentName' | 'module'>,
): Promise<boolean> {
  if (isOwn(tool, { agent, module }, policies)) return false;
  const { access } = await scope.authority();
  if (isGranted(access, tool.name, { agent })) return true;
  if (!isForRoles(access, tool.name)) return false;
  return isGranted(access, tool.name, { agent, roles: await rolesBehind(scope) });
}

/** The roles of the persons for whom the run is. */
async function rolesBehind({ doneTo, roles = {} }: StepScope): Promise<readonly string[]> {
  const { own } = await doneTo({ target: null, related: [], duties: [], except: [] });
  return personsOf(own).flatMap((person) => rolesOf(person, roles));
}
