import type { SampleWorld } from 'tutti';

/** Takes up to `count` × scale (at least two) items that fit, each item once, in random order. */
export type Take<T> = (count: number, fits: (item: T) => boolean) => readonly T[];

/** Gives out items for planting, so that each bears one planted fact at most. */
export function takeFrom<T>(world: SampleWorld, items: readonly T[]): Take<T> {
  const left = new Set(world.random.shuffle(items));
  return (count, fits) => {
    const wanted = Math.max(2, count * world.scale);
    const taken: T[] = [];
    for (const item of left) {
      if (taken.length === wanted) break;
      if (fits(item)) taken.push(item);
    }
    for (const item of taken) left.delete(item);
    return taken;
  };
}
