import { type Draft, Money, type SampleWorld } from 'tutti';
import type { LevelPlan, MovePlan } from './stock-plan.ts';

/** A move on its way into the ERP, with where it happened. */
export interface PlacedMove extends MovePlan {
  readonly product: Draft<'product'>;
  readonly warehouse: Draft<'warehouse'>;
}

/** The rows of a planned level. */
export interface LevelRows {
  readonly level: Draft<'stock_level'> | null;
  readonly rule: Draft<'reorder_rule'> | null;
}

/** Writes levels, their rules and requests, each in random order. */
export function addLevels(
  world: SampleWorld,
  levels: readonly LevelPlan[],
): ReadonlyMap<LevelPlan, LevelRows> {
  const { random } = world;
  const stock = new Map(
    levels
      .filter((plan) => plan.listed)
      .map((plan) => [
        plan,
        world.add('stock_level', {
          product: plan.product.id,
          warehouse: plan.place.warehouse.id,
          onHand: String(plan.onHand),
          reserved: String(plan.reserved),
          lastCountedOn: plan.countedDay === null ? null : world.day(plan.countedDay),
        }),
      ]),
  );
  const rules = new Map<LevelPlan, Draft<'reorder_rule'>>();
  for (const plan of random.shuffle(levels)) {
    if (plan.rule) rules.set(plan, addRule(world, plan, plan.rule));
  }
  addRequests(world, levels);
  return new Map(
    levels.map((plan) => [plan, { level: stock.get(plan) ?? null, rule: rules.get(plan) ?? null }]),
  );
}

function addRule(
  world: SampleWorld,
  plan: LevelPlan,
  rule: NonNullable<LevelPlan['rule']>,
): Draft<'reorder_rule'> {
  return world.add('reorder_rule', {
    product: plan.product.id,
    warehouse: plan.place.warehouse.id,
    vendor: plan.place.vendor.id,
    minimum: String(rule.minimum),
    target: String(rule.target),
    leadTimeDays: rule.leadTimeDays,
    active: rule.active,
  });
}

function addRequests(world: SampleWorld, levels: readonly LevelPlan[]): void {
  const { random } = world;
  const requests = levels.flatMap((plan) => plan.requests.map((request) => ({ plan, request })));
  for (const [index, { plan, request }] of random.shuffle(requests).entries()) {
    const late = request.status === 'ordered' || request.status === 'cancelled';
    world.add('purchase_request', {
      number: `PR-${String(index + 1).padStart(5, '0')}`,
      company: plan.place.company.code,
      warehouse: plan.place.warehouse.id,
      product: plan.product.id,
      vendor: plan.place.vendor.id,
      quantity: String(request.quantity),
      neededOn: world.day(late ? -random.integer(2, 40) : random.integer(7, 28)),
      status: request.status,
    });
  }
}

/** Writes moves in the order of their days, those of one day by chance. */
export function addMoves(world: SampleWorld, moves: readonly PlacedMove[]): void {
  for (const move of world.random.shuffle(moves).sort((a, b) => a.day - b.day)) {
    world.add('stock_move', {
      product: move.product.id,
      warehouse: move.warehouse.id,
      date: world.day(move.day),
      reason: move.reason,
      quantity: String(move.quantity),
      receipt: move.receipt,
    });
  }
}

/** What some pieces are worth at standard cost, in cents of the group's currency. */
export function centsOf(product: Draft<'product'>, pieces: number): number {
  return Math.round(Number(product.cost.amount) * 100) * pieces;
}

/** Takes a product's standard cost away. */
export function clearCost(product: Draft<'product'>): void {
  product.cost = Money.zero(product.cost.currency);
}
