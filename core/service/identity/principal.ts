import type { Actor } from '../../engine/run/request.ts';
import { type Permission, type Role, roles } from './permission.ts';

/** Who calls: for which tenant, as whom in the record, and what it may do. */
export interface Principal {
  /** Tells callers apart where their requests are counted. */
  readonly id: string;
  readonly tenantId: number;
  /** Who it is in the record of what it does. */
  readonly actor: Actor;
  /** The person as whom a key decides. @default it stands for nobody, and decides nothing */
  readonly person?: string;
  readonly roles: readonly Role[];
  /** The modules that it may touch; null: all of them. */
  readonly modules: readonly string[] | null;
  /** The companies that it may touch; null: all of them. */
  readonly companies: readonly string[] | null;
  /** The name of its rate in the configuration. @default its roles say which */
  readonly rate?: string;
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

/** A caller whom nobody knows: what it gets on routes that are for everybody. */
export const nobody: Principal = Object.freeze({
  id: '',
  tenantId: 0,
  actor: { kind: 'person', id: 'nobody' } as const,
  roles: [],
  modules: [],
  companies: [],
});

const local = 'local';

/** Whether a caller is the person at this machine. */
export function isLocal({ id }: Principal): boolean {
  return id === local;
}

/** The person at this machine: whoever reaches the loopback address of an installation that lets such callers in without a key. */
export function localOwner(tenantId: number): Principal {
  return {
    id: local,
    tenantId,
    actor: { kind: 'person', id: 'local' },
    roles: ['owner'],
    modules: null,
    companies: null,
  };
}
