import type { Draft, SampleWorld } from 'tutti';
import { clearCost, type PlacedMove } from './stock.ts';
import { type LevelPlan, planMoves } from './stock-plan.ts';
import type { Take } from './victims.ts';

/** What valuation_reconciliation must report of single levels; of a company's ledger it is known at once. */
export interface ValuationTruth {
  readonly kind: 'valuation.moves' | 'valuation.no_cost';
  readonly place: LevelPlan['place'];
  readonly product: Draft<'product'>;
  /** Null: moves without a level. */
  readonly level: LevelPlan | null;
}

/** Makes some levels disagree with their moves and some products lose their cost; returns all moves. */
export function plantValuation(
  world: SampleWorld,
  levels: readonly LevelPlan[],
  take: Take<LevelPlan>,
): { readonly truths: readonly ValuationTruth[]; readonly moves: readonly PlacedMove[] } {
  const { random } = world;
  const places = Map.groupBy(levels, (level) => level.product.id);
  const alone = (level: LevelPlan): boolean => places.get(level.product.id)?.length === 1;
  const costless = take(2, (level) => alone(level) && level.onHand > 0);
  // In order: no cost, and no stock that would need one.
  const empty = take(2, (level) => alone(level) && level.onHand === 0 && level.listed);
  for (const level of [...costless, ...empty]) clearCost(level.product);
  const adrift = new Set(take(4, (level) => level.onHand > 0));
  const moves = levels.flatMap((level) => {
    const own = planMoves(world, level);
    const first = own[0];
    if (first && adrift.has(level)) {
      first.quantity += random.integer(1, Math.max(2, Math.ceil(level.onHand / 3)));
    }
    return own.map((move) => placed(move, level));
  });
  const strays = straysOf(world, levels, take);
  for (const { level, move } of strays) moves.push(placed(move, level));
  return {
    moves,
    truths: [
      ...[...adrift].map((level) => ({ kind: 'valuation.moves' as const, ...level, level })),
      ...costless.map((level) => ({ kind: 'valuation.no_cost' as const, ...level, level })),
      ...strays.map(({ level }) => ({ kind: 'valuation.moves' as const, ...level, level: null })),
    ],
  };
}

function placed(
  move: PlacedMove | ReturnType<typeof planMoves>[number],
  at: { readonly place: LevelPlan['place']; readonly product: Draft<'product'> },
): PlacedMove {
  return { ...move, product: at.product, warehouse: at.place.warehouse };
}

/** Goods that moved in a warehouse where no level of them exists. */
function straysOf(
  world: SampleWorld,
  levels: readonly LevelPlan[],
  take: Take<LevelPlan>,
): readonly {
  readonly level: Pick<LevelPlan, 'place' | 'product'>;
  readonly move: ReturnType<typeof planMoves>[number];
}[] {
  const { random } = world;
  const homes = Map.groupBy(levels, (level) => level.product.id);
  return take(1, (level) => level.onHand > 0).map(({ product }) => {
    const own = new Set(homes.get(product.id)?.map((level) => level.place.warehouse));
    const { place } = random.pick(levels.filter((level) => !own.has(level.place.warehouse)));
    const move = { day: -random.integer(3, 120), quantity: random.integer(1, 40), receipt: null };
    return { level: { product, place }, move: { ...move, reason: 'adjustment' as const } };
  });
}
