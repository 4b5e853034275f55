import type { Permission } from '../identity/permission.ts';
import { isAllowed, type Principal, type Reach } from '../identity/principal.ts';

/** What belongs to no module and no company, as another tenant does: it takes somebody who may touch them all. */
export const wholeReach: Reach = Object.freeze({ module: null, company: null });

/** Of a list what its reader may look at. */
export function withinReach<T>(
  items: readonly T[],
  { principal, permission }: { readonly principal: Principal; readonly permission: Permission },
  reachOf: (item: T) => Reach,
): readonly T[] {
  return items.filter((item) => isAllowed(principal, permission, reachOf(item)));
}
