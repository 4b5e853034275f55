import type { SampleWorld } from 'tutti';
import { availableOf, type LevelPlan, type RequestPlan } from './stock-plan.ts';
import type { Take } from './victims.ts';

/** What reorder_point_planner must report of a level. */
export interface ShortageTruth {
  readonly kind: 'reorder.below_minimum' | 'reorder.negative_stock';
  readonly level: LevelPlan;
}

/** Makes some products run out with nothing on the way, and others run low in ways that are in order. */
export function plantShortages(
  world: SampleWorld,
  take: Take<LevelPlan>,
): readonly ShortageTruth[] {
  const { random } = world;
  const low = (level: LevelPlan): boolean => level.rule !== null && level.product.active;
  const below = take(7, low);
  for (const level of below) runLow(world, level);
  // A request that was given up covers nothing.
  const abandoned = take(2, low);
  for (const level of abandoned) request(level, runLow(world, level), 'cancelled');
  // A rule for something that the warehouse has never had.
  const unlisted = take(1, (level) => low(level) && level.received.length === 0);
  for (const level of unlisted) {
    level.listed = false;
    level.onHand = 0;
    level.reserved = 0;
    runLow(world, level);
  }
  const negative = take(4, (level) => level.onHand > 0);
  for (const level of negative) {
    level.onHand = -random.integer(1, 25);
    level.reserved = 0;
  }
  plantCovered(world, take, low);
  return [
    ...[...below, ...abandoned, ...unlisted].map((level) => ({
      kind: 'reorder.below_minimum' as const,
      level,
    })),
    ...negative.map((level) => ({ kind: 'reorder.negative_stock' as const, level })),
  ];
}

/** Low, and in order all the same. */
function plantCovered(
  world: SampleWorld,
  take: Take<LevelPlan>,
  low: (level: LevelPlan) => boolean,
): void {
  // Somebody has asked for exactly what is missing.
  for (const [index, level] of take(4, low).entries()) {
    request(level, runLow(world, level), index % 2 === 0 ? 'draft' : 'approved');
  }
  // The order on the way brings the stock to its minimum, not above.
  for (const level of take(2, (each) => low(each) && each.incoming > 0)) {
    if (level.rule) setMinimum(level, availableOf(level) + level.incoming);
  }
  // The rule is suspended.
  for (const level of take(3, low)) {
    runLow(world, level);
    if (level.rule) level.rule.active = false;
  }
  // Nothing at all on the shelf, and nobody wants it to be otherwise.
  for (const level of take(2, (each) => each.onHand > 0 && each.product.abc !== 'A')) {
    level.onHand = 0;
    level.reserved = 0;
    level.rule = null;
  }
}

/** Raises the minimum above what there is and what is to come; returns the pieces that are missing. */
function runLow(world: SampleWorld, level: LevelPlan): number {
  const missing = world.random.integer(1, Math.max(2, Math.ceil(level.onHand / 2)));
  setMinimum(level, availableOf(level) + level.incoming + missing);
  return missing;
}

function setMinimum(level: LevelPlan, minimum: number): void {
  if (!level.rule) return;
  level.rule.minimum = minimum;
  level.rule.target = Math.ceil(minimum * 1.8);
}

function request(level: LevelPlan, quantity: number, status: RequestPlan['status']): void {
  level.requests.push({ quantity, status });
}
