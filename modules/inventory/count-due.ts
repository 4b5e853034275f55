import { Day, Decimal, type Erp, type Id, Money, type Row } from 'tutti';

/** How often an item is counted, in days, by its class: A items make up most of the value. */
const countIntervalDays = { A: 30, B: 90, C: 180 } as const;

/** Stock that ought to be counted. */
export interface DueLevel {
  readonly level: Id<'stock_level'>;
  readonly product: Id<'product'>;
  readonly number: string;
  readonly abc: 'A' | 'B' | 'C';
  readonly onHand: string;
  readonly value: Money;
  readonly lastCountedOn: string | null;
  readonly daysSince: number | null;
  readonly planned: boolean;
}

/** Looks through a warehouse's stock, by product number, for what is due; empty places are not counted. */
export async function scanWarehouse(
  erp: Erp,
  at: { readonly warehouse: Id<'warehouse'>; readonly today: string },
): Promise<{ company: string; checked: number; due: DueLevel[] }> {
  const { warehouse, today } = at;
  const [{ company }, levels, open] = await Promise.all([
    erp.warehouse.get(warehouse),
    erp.stock_level.list({ warehouse }),
    erp.stock_count.list({ warehouse, status: { in: ['planned', 'counting'] } }),
  ]);
  const planned = new Set(open.flatMap((count) => count.lines.map((line) => line.product)));
  // The shortest interval first cuts what must be looked up.
  const old = levels.filter(
    (level) =>
      !Decimal.isZero(level.onHand) &&
      (level.lastCountedOn === null ||
        Day.between(level.lastCountedOn, today) > countIntervalDays.A),
  );
  const products = old.length
    ? await erp.product.list({ id: { in: old.map((level) => level.product) } })
    : [];
  const byId = new Map(products.map((product) => [product.id, product]));
  const due = old.map((level) => {
    const product = byId.get(level.product);
    return product ? dueLevel(level, product, { today, planned }) : null;
  });
  const found = due.filter((each) => each !== null);
  return {
    company,
    checked: levels.length,
    due: found.toSorted((a, b) => (a.number < b.number ? -1 : 1)),
  };
}

function dueLevel(
  level: Row<'stock_level'>,
  product: Row<'product'>,
  at: { readonly today: string; readonly planned: ReadonlySet<string> },
): DueLevel | null {
  const { lastCountedOn } = level;
  const daysSince = lastCountedOn === null ? null : Day.between(lastCountedOn, at.today);
  if (daysSince !== null && daysSince <= countIntervalDays[product.abc]) return null;
  return {
    level: level.id,
    product: product.id,
    number: product.number,
    abc: product.abc,
    onHand: level.onHand,
    value: Money.round(Money.times(product.cost, level.onHand)),
    lastCountedOn,
    daysSince,
    planned: at.planned.has(product.id),
  };
}
