import type { Draft, EntityName } from 'tutti';

/** A row before it has an id: plans are changed freely, then added in the order of their dates. */
export type Plan<E extends EntityName> = Omit<Draft<E>, 'id' | 'version'>;

/** Sorts by date; rows of one day keep the random order they came in. */
export function byDate<T extends { readonly date: string }>(rows: readonly T[]): T[] {
  return rows.toSorted((a, b) => (a.date < b.date ? -1 : a.date > b.date ? 1 : 0));
}
