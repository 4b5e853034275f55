import { EngineError } from '../../base/errors.ts';
import { personOf } from '../../base/person.ts';
import type { KeyRequest } from './keys.ts';
import { roles as known, type Permission, type Role } from './permission.ts';
import { isAllowed, isLocal, type Principal } from './principal.ts';

type Power = Pick<KeyRequest, 'roles' | 'modules' | 'companies' | 'person' | 'rate'>;

/** Where the word of a key counts as its person's. */
const personal: readonly Permission[] = [
  ...(['approvals:decide', 'approvals:delegate', 'policies:publish'] as const),
];

/**
 * Refuses to make, or to give a new text to, a key that may do more than whoever asks: more permissions, modules or companies, a rate
 * of its own, or another person's word. Whoever holds a key decides as its person, so that four eyes would be two.
 * @throws PERMISSION_DENIED
 */
export function demandPower(maker: Principal, key: Power): void {
  const missing = permissionsOf(key.roles).find((permission) => !isAllowed(maker, permission));
  if (missing !== undefined)
    throw refused(`its roles may '${missing}', which '${maker.actor.id}' may not`);
  demandWithin('modules', maker.modules, key.modules);
  demandWithin('companies', maker.companies, key.companies);
  if (key.rate !== null && !isAllowed(maker, 'tenants:write'))
    throw refused('only the owner of the installation gives a key a rate of its own');
  if (isLocal(maker) || !permissionsOf(key.roles).some((each) => personal.includes(each))) return;
  if (key.person === null || isPerson(maker, key.person)) return;
  throw refused(
    `it would decide, hand that on, or agree to policies, as '${key.person}'; make it on the machine itself: tutti key create`,
  );
}

function permissionsOf(roles: readonly Role[]): readonly Permission[] {
  return roles.flatMap((role) => known[role] as readonly Permission[]);
}

function demandWithin(
  what: string,
  own: readonly string[] | null,
  asked: readonly string[] | null,
): void {
  if (own === null || asked?.every((each) => own.includes(each))) return;
  throw refused(`it may touch ${what} that its maker may not; name some of ${own.join(', ')}`);
}

/** Whoever has made a key stands beside its person in what it asks for, and is somebody else all the same. */
function isPerson({ actor, person: own }: Principal, person: string): boolean {
  const self = actor.kind === 'person' ? actor.id : own;
  return self !== undefined && personOf(self) === personOf(person);
}

function refused(why: string): EngineError {
  return new EngineError(
    'PERMISSION_DENIED',
    `Nobody makes a key that may do more than themself: ${why}.`,
  );
}
