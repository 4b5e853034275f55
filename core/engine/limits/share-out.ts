/** What one engine would do with a limit that several share. */
export interface ShareWish {
  readonly engine: string;
  /** What it could use; 0: nothing. */
  readonly demand: number;
  /** The least that helps it: its largest call. */
  readonly unit: number;
  /** When it last had that much, in ms of one clock. */
  readonly fedAt: number;
}

/**
 * Divides a limit: first each gets what a single call needs, who went without for longest before the others; then what is left
 * goes evenly to those who can use it, and what nobody asks for evenly to all. Integers; the sum is the whole, as long as there
 * is anybody. Who cannot get enough for one call gets nothing of what others can use: half a call helps nobody.
 */
export function shareOut(whole: number, wishes: readonly ShareWish[]): ReadonlyMap<string, number> {
  const shares = new Map(wishes.map(({ engine }) => [engine, 0]));
  let left = whole;
  const give = (engine: string, amount: number): void => {
    shares.set(engine, (shares.get(engine) as number) + amount);
    left -= amount;
  };
  const byHunger = wishes
    .filter(({ demand }) => demand > 0)
    .sort((a, b) => a.fedAt - b.fedAt || compare(a.engine, b.engine));
  for (const { engine, unit } of byHunger) {
    const least = Math.min(Math.max(1, unit), whole);
    if (least <= left) give(engine, least);
  }
  const fed = [...byHunger]
    .filter(({ engine }) => (shares.get(engine) as number) > 0)
    .sort((a, b) => compare(a.engine, b.engine));
  let hungry = fed;
  while (left > 0) {
    hungry = hungry.filter(({ engine, demand }) => (shares.get(engine) as number) < demand);
    if (hungry.length === 0) break;
    const each = Math.max(1, Math.floor(left / hungry.length));
    for (const { engine, demand } of hungry)
      give(engine, Math.min(each, left, demand - (shares.get(engine) as number)));
  }
  const all = [...wishes].sort((a, b) => compare(a.engine, b.engine));
  all.forEach(({ engine }, index) => {
    give(engine, Math.ceil(left / (all.length - index)));
  });
  return shares;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : Number(a > b);
}
