import type { Actor } from '../../engine/run/request.ts';
import { type Permission, type Role, roles } from './permission.ts';

/** Who calls: for which tenant, as whom in the record, and what it may do. */
export interface Principal {
  /** Tells callers apart where their requests are counted. */
  readonly id: string;
  readonly tenantId: number;
  /** Who it is in the record of what it does. */
  readonly actor: Actor;
  readonly roles: readonly Role[];
  /** The modules that it may touch; null: all of them. */
  readonly modules: readonly string[] | null;
  /** The companies that it may touch; null: all of them. */
  readonly companies: readonly string[] | null;
}

/** What something is part of, as far as that is known. */
export interface Reach {
  readonly module?: string | null;
  readonly company?: string | null;
}

/**
 * Whether a caller may do something, to a module or a company where one is named. What belongs to no module, such as a workflow
 * across modules, only those may touch who may touch them all.
 */
export function isAllowed(
  principal: Principal,
  permission: Permission,
  reach: Reach = {},
): boolean {
  const isGranted = principal.roles.some((role) =>
    (roles[role] as readonly Permission[]).includes(permission),
  );
  const within = (own: readonly string[] | null, asked: string | null | undefined): boolean =>
    own === null || asked === undefined || (asked !== null && own.includes(asked));
  return (
    isGranted &&
    within(principal.modules, reach.module) &&
    within(principal.companies, reach.company)
  );
}

/** The person at this machine: whoever reaches the loopback address of an installation that lets such callers in without a key. */
export function localOwner(tenantId: number): Principal {
  return {
    id: 'local',
    tenantId,
    actor: { kind: 'person', id: 'local' },
    roles: ['owner'],
    modules: null,
    companies: null,
  };
}
