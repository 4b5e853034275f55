/** A list cut into parts that one call may take, in their order. */
export function portionsOf<Item>(all: readonly Item[], size: number): readonly Item[][] {
  const count = Math.ceil(all.length / size);
  return Array.from({ length: count }, (_, index) => all.slice(index * size, (index + 1) * size));
}
