import type { Draft, SampleWorld } from 'tutti';
import type { OrderRows } from './documents.ts';
import { type OrderPlan, openOf, windowOf } from './order-plan.ts';
import type { Place, Source } from './sourcing.ts';

/** The stock of a product in a warehouse before it is written; days are offsets from the business date. */
export interface LevelPlan {
  readonly place: Place;
  readonly product: Draft<'product'>;
  onHand: number;
  reserved: number;
  countedDay: number | null;
  rule: RulePlan | null;
  readonly requests: RequestPlan[];
  /** False: there is a rule, and the warehouse has never had the product. */
  listed: boolean;
  /** Still to come of open orders. */
  readonly incoming: number;
  readonly received: readonly MovePlan[];
}

/** When the product is bought again. */
export interface RulePlan {
  minimum: number;
  target: number;
  readonly leadTimeDays: number;
  active: boolean;
}

/** What somebody has asked purchasing for. */
export interface RequestPlan {
  readonly quantity: number;
  readonly status: 'draft' | 'approved' | 'ordered' | 'cancelled';
}

/** What changed the stock. */
export interface MovePlan {
  readonly day: number;
  readonly reason: 'opening' | 'receipt' | 'issue' | 'adjustment';
  quantity: number;
  readonly receipt: string | null;
}

/** What is free to be promised. */
export function availableOf(level: LevelPlan): number {
  return level.onHand - level.reserved;
}

/** Plans stock that is in order everywhere: enough of it, or enough on the way, and counted in time. */
export function planLevels(
  world: SampleWorld,
  sources: readonly Source[],
  documents: ReadonlyMap<OrderPlan, OrderRows>,
): readonly LevelPlan[] {
  const flows = flowsOf(documents);
  const levels = sources.flatMap((source) =>
    source.places.flatMap((place) =>
      place.products.map((product) =>
        planLevel(world, place, { product, ...flows(place, product) }),
      ),
    ),
  );
  return world.random.shuffle(levels);
}

interface Flow {
  incoming: number;
  readonly received: MovePlan[];
}

/** What came and what is to come, by place and product. */
function flowsOf(
  documents: ReadonlyMap<OrderPlan, OrderRows>,
): (place: Place, product: Draft<'product'>) => Flow {
  const flows = new Map<Place, Map<string, Flow>>();
  const flowOf = (place: Place, product: Draft<'product'>): Flow => {
    const byProduct = flows.get(place) ?? new Map<string, Flow>();
    flows.set(place, byProduct);
    const flow = byProduct.get(product.id) ?? { incoming: 0, received: [] };
    byProduct.set(product.id, flow);
    return flow;
  };
  for (const [order, rows] of documents) {
    for (const [index, line] of order.lines.entries()) {
      const flow = flowOf(order.place, line.product);
      flow.incoming += openOf(order, index);
      for (const [turn, receipt] of order.receipts.entries()) {
        const quantity = receipt.lines[index]?.accepted ?? 0;
        const row = rows.receipts[turn]?.id ?? null;
        if (quantity > 0)
          flow.received.push({ day: receipt.day, reason: 'receipt', quantity, receipt: row });
      }
    }
  }
  return flowOf;
}

function planLevel(
  world: SampleWorld,
  place: Place,
  of: Flow & { readonly product: Draft<'product'> },
): LevelPlan {
  const { random } = world;
  const cost = Number(of.product.cost.amount);
  // A level is worth 60 to 3,000 EUR, spread evenly over the orders of magnitude; one in twenty is empty.
  const pieces = Math.max(3, Math.round((60 * 50 ** random.next()) / cost));
  const onHand = random.chance(0.05) ? 0 : pieces;
  const level: LevelPlan = {
    place,
    ...of,
    onHand,
    reserved: random.chance(0.3) ? random.integer(0, Math.floor(onHand * 0.3)) : 0,
    countedDay: countedDay(world, of.product),
    rule: null,
    requests: random.chance(0.02) ? [{ quantity: pieces, status: 'ordered' }] : [],
    listed: true,
  };
  if (onHand > 0 && random.chance(0.65)) level.rule = planRule(world, level);
  return level;
}

function planRule(world: SampleWorld, level: LevelPlan): RulePlan {
  const { random } = world;
  const available = availableOf(level);
  // Some stand exactly at their minimum, which is enough.
  const enough = random.chance(0.05)
    ? available
    : Math.max(1, Math.floor(available * (0.3 + 0.6 * random.next())));
  const uncovered = !level.product.active && random.chance(0.5);
  const covered = level.incoming > 0 && random.chance(0.5);
  const minimum = uncovered
    ? available * 2
    : covered
      ? available + random.integer(1, level.incoming)
      : enough;
  return {
    minimum,
    target: Math.ceil(minimum * (1.5 + 1.5 * random.next())),
    leadTimeDays: random.integer(7, 28),
    active: true,
  };
}

/** A items within 30 days; of the others one in twenty is overdue, which is planned but not reported. */
function countedDay(world: SampleWorld, product: Draft<'product'>): number {
  const { random } = world;
  if (product.abc === 'A') return -random.integer(1, 30);
  const days = product.abc === 'B' ? 90 : 180;
  return random.chance(0.05) ? -random.integer(days + 1, days + 25) : -random.integer(1, days);
}

/** The moves that lead to the stock on hand: an opening balance, what came in, and what went out. */
export function planMoves(world: SampleWorld, level: LevelPlan): MovePlan[] {
  const { random } = world;
  const { from } = windowOf(world);
  if (!level.listed) return [];
  const received = level.received.reduce((sum, move) => sum + move.quantity, 0);
  const missing = Math.max(0, level.onHand - received);
  const opening = missing + random.integer(1, Math.max(5, Math.ceil(Math.abs(level.onHand) / 2)));
  const moves: MovePlan[] = [
    { day: from, reason: 'opening', quantity: opening, receipt: null },
    ...level.received,
  ];
  let left = opening + received - level.onHand;
  for (let issues = random.integer(1, 3); issues > 0 && left > 0; issues--) {
    const quantity = issues === 1 ? left : random.integer(1, left);
    left -= quantity;
    const day = random.integer(from + 1, 0);
    moves.push({ day, reason: 'issue', quantity: -quantity, receipt: null });
  }
  return moves;
}
