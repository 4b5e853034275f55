import { z } from 'zod';
import { personOf } from '../base/person.ts';
import { hasAccess, matches, type Policy } from './policy/policy.ts';
import { moduleOf } from './qualified-name.ts';
import type { ToolAccess } from './tool.ts';

/** Access that was granted at run time: to agents, and to whatever works for persons of a role. Patterns as in a policy. */
export interface AccessGrant {
  readonly tools: readonly string[];
  /** @default no agent by its name */
  readonly agents?: readonly string[];
  /** Names of roles of the configuration. @default no role */
  readonly roles?: readonly string[];
}

const patterns = z.array(z.string().min(1).max(200)).min(1).max(1_000);

/** What the setting `access` may hold. */
export const accessValue = z
  .array(
    z
      .strictObject({ tools: patterns, agents: patterns.optional(), roles: patterns.optional() })
      .refine(({ agents, roles }) => agents !== undefined || roles !== undefined, {
        message: 'names neither agents nor roles',
      }),
  )
  .max(1_000);

/** The persons who hold each role. */
export type RoleHolders = Readonly<Record<string, readonly string[]>>;

/** The roles that a person holds. */
export function rolesOf(person: string, holders: RoleHolders): readonly string[] {
  const own = personOf(person);
  return Object.keys(holders).filter((role) =>
    holders[role]?.some((each) => personOf(each) === own),
  );
}

/** Who would call a tool: an agent, and the roles of whoever it works for. */
export interface ToolUser {
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  readonly module: string;
  /** @default none */
  readonly roles?: readonly string[];
}

/** Whether a grant that was set at run time gives a tool to somebody. */
export function isGranted(
  grants: readonly AccessGrant[],
  tool: string,
  { agent, roles = [] }: Pick<ToolUser, 'agent' | 'roles'>,
): boolean {
  return grants.some(
    (grant) =>
      matches(grant.tools, tool) &&
      ((grant.agents !== undefined && matches(grant.agents, agent)) ||
        roles.some((role) => grant.roles !== undefined && matches(grant.roles, role))),
  );
}

/** Whether grants give a tool to some role: then it matters for whom an agent works. */
export function isForRoles(grants: readonly AccessGrant[], tool: string): boolean {
  return grants.some(({ tools, roles }) => roles !== undefined && matches(tools, tool));
}

/** A tool as far as access to it goes. */
export interface GuardedTool {
  readonly name: string;
  /** @default the part of its name before the first dot */
  readonly module?: string;
  /** @default 'module' */
  readonly access?: ToolAccess;
}

/** Whether a tool is somebody's without any grant of run time: it is public, of their own module, or a policy's gift. */
export function isOwn(
  { name, module: owner = moduleOf(name), access = 'module' }: GuardedTool,
  { agent, module }: ToolUser,
  policies: readonly Policy[],
): boolean {
  if (access === 'public') return true;
  if (access === 'module' && owner === module) return true;
  return hasAccess(policies, { agent, tool: name });
}

/** Whether an agent may have a tool in its list, and call it: as declared, or by a grant of run time. */
export function mayUse(
  tool: GuardedTool,
  user: ToolUser,
  {
    policies,
    grants,
  }: { readonly policies: readonly Policy[]; readonly grants: readonly AccessGrant[] },
): boolean {
  return isOwn(tool, user, policies) || isGranted(grants, tool.name, user);
}
