import type { Permission } from '../identity/permission.ts';
import { isAllowed, type Principal, type Reach } from '../identity/principal.ts';

/** The module of an agent or a tool, by its qualified name: `finance` of `finance.hold.place` and of `tool:finance.hold.place`. */
export function moduleOf(name: string): string {
  return name.replace(/^tool:/, '').split('.', 1)[0] as string;
}

/** Of a list what its reader may look at. */
export function withinReach<T>(
  items: readonly T[],
  { principal, permission }: { readonly principal: Principal; readonly permission: Permission },
  reachOf: (item: T) => Reach,
): readonly T[] {
  return items.filter((item) => isAllowed(principal, permission, reachOf(item)));
}
