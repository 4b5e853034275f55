import type { EntityName, SampleWorld, Truth } from 'tutti';
import type { CountTruth } from './count-dates.ts';
import type { ShortageTruth } from './shortages.ts';
import type { LevelRows } from './stock.ts';
import type { LevelPlan } from './stock-plan.ts';
import type { ValuationTruth } from './valuation.ts';

type Shown = Truth['records'][number];

/** Tells what the agents must find in the stock, now that its rows have ids. */
export function expectStock(
  world: SampleWorld,
  rows: ReadonlyMap<LevelPlan, LevelRows>,
  truths: {
    readonly shortages: readonly ShortageTruth[];
    readonly counts: readonly CountTruth[];
    readonly valuation: readonly ValuationTruth[];
  },
): void {
  const levelOf = (plan: LevelPlan): Shown[] => shown('stock_level', rows.get(plan)?.level);
  const ruleOf = (plan: LevelPlan): Shown[] => shown('reorder_rule', rows.get(plan)?.rule);
  for (const { kind, level } of truths.shortages) {
    const records =
      kind === 'reorder.below_minimum' ? [...ruleOf(level), ...levelOf(level)] : levelOf(level);
    const company = level.place.company.code;
    world.expect({ agent: 'inventory.reorder_point_planner', kind, company, records });
  }
  for (const { kind, level } of truths.counts) {
    const company = level.place.company.code;
    const records = levelOf(level);
    world.expect({ agent: 'inventory.cycle_count_planner', kind, company, records });
  }
  for (const { kind, place, product, level } of truths.valuation) {
    const records = level
      ? levelOf(level)
      : [...shown('product', product), ...shown('warehouse', place.warehouse)];
    const company = place.company.code;
    world.expect({ agent: 'inventory.valuation_reconciliation', kind, company, records });
  }
}

function shown(entity: EntityName, row: { readonly id: string } | null | undefined): Shown[] {
  return row ? [{ entity, id: row.id }] : [];
}
