import { Decimal, type Erp, type Id, type Money, type Row } from 'tutti';

/** Stock of a product that is negative or below the minimum of its rule. */
export interface LowStock {
  readonly product: Id<'product'>;
  readonly number: string;
  readonly company: string;
  readonly warehouse: Id<'warehouse'>;
  readonly level: Id<'stock_level'> | null;
  readonly onHand: string;
  readonly available: string;
  /** A count that is planned or under way includes it. */
  readonly planned: boolean;
  readonly unitCost: Money;
  readonly rule:
    | (Pick<Row<'reorder_rule'>, 'id' | 'vendor' | 'minimum' | 'target' | 'leadTimeDays'> & {
        /** Whether orders may not go to the vendor. */
        readonly vendorBlocked: boolean;
      })
    | null;
}

/** More parties are not blocked anywhere. */
const blockedLimit = 100_000;

/** Looks through a group's levels and active rules, those of warehouses that never had the product included. */
export async function scanGroup(
  erp: Erp,
  group: Id<'item_group'>,
): Promise<{ checked: number; items: LowStock[] }> {
  const products = await erp.product.list({ group }, { order: [{ field: 'number' }] });
  const ids = products.map((product) => product.id);
  if (ids.length === 0) return { checked: 0, items: [] };
  const [levels, rules, warehouses, counts, stopped] = await Promise.all([
    erp.stock_level.list({ product: { in: ids } }),
    erp.reorder_rule.list({ product: { in: ids } }),
    erp.warehouse.list(),
    erp.stock_count.list({ status: { in: ['planned', 'counting'] } }),
    // Few are; to ask for those of the rules would take a round trip more.
    erp.party.list({ blocked: true }, { limit: blockedLimit }),
  ]);
  const companyOf = new Map(warehouses.map((warehouse) => [warehouse.id, warehouse.company]));
  const byProduct = new Map(products.map((product) => [product.id, product]));
  const keyOf = (row: { product: string; warehouse: string }): string =>
    `${row.product} ${row.warehouse}`;
  const levelOf = new Map(levels.map((level) => [keyOf(level), level]));
  // A rule that was suspended stands in no other one's way.
  const active = rules.filter((rule) => rule.active);
  const ruleOf = new Map(active.map((rule) => [keyOf(rule), rule]));
  const blocked = new Set<string>(stopped.map((party) => party.id));
  const planned = new Set(
    counts.flatMap(({ warehouse, lines }) =>
      lines.map(({ product }) => keyOf({ product, warehouse })),
    ),
  );
  const places = new Map([...rules, ...levels].map((row) => [keyOf(row), row]));
  const items = [...places].map(([key, { product, warehouse }]) =>
    stockOf({
      product: byProduct.get(product),
      warehouse,
      company: companyOf.get(warehouse) ?? '',
      level: levelOf.get(key),
      rule: ruleOf.get(key),
      planned: planned.has(key),
      blocked,
    }),
  );
  return { checked: items.length, items: items.filter((item) => item !== null) };
}

/** The facts of one place, or null when stock is sufficient. */
function stockOf(of: {
  readonly product: Row<'product'> | undefined;
  readonly warehouse: Id<'warehouse'>;
  readonly company: string;
  readonly level: Row<'stock_level'> | undefined;
  readonly rule: Row<'reorder_rule'> | undefined;
  readonly planned: boolean;
  /** The vendors to whom orders may not go. */
  readonly blocked: ReadonlySet<string>;
}): LowStock | null {
  const { product, warehouse, company, level } = of;
  if (!product) return null;
  const onHand = level?.onHand ?? '0';
  const available = Decimal.minus(onHand, level?.reserved ?? '0');
  const rule = product.active ? of.rule : undefined;
  const isNegative = Decimal.compare(onHand, '0') < 0;
  const isLow = rule !== undefined && Decimal.compare(available, rule.minimum) < 0;
  if (!isNegative && !isLow) return null;
  return {
    product: product.id,
    number: product.number,
    company,
    warehouse,
    level: level?.id ?? null,
    onHand,
    available,
    planned: of.planned,
    unitCost: product.cost,
    rule: rule
      ? {
          id: rule.id,
          vendor: rule.vendor,
          minimum: rule.minimum,
          target: rule.target,
          leadTimeDays: rule.leadTimeDays,
          vendorBlocked: of.blocked.has(rule.vendor),
        }
      : null,
  };
}

/** What is on the way of a product to a company. */
export interface Incoming {
  readonly product: Id<'product'>;
  readonly company: string;
  ordered: string;
  requested: string;
}

/** Above a hundred thousand open orders of some companies the rest cannot be told. */
const openOrderLimit = 100_000;

/** Adds up the rest of the companies' open orders, with whatever vendor, and the requests that nobody has ordered yet. */
export async function incomingOf(
  erp: Erp,
  of: { readonly products: readonly Id<'product'>[]; readonly companies: readonly string[] },
): Promise<Incoming[]> {
  const [orders, requests] = await Promise.all([
    erp.purchase_order.list(
      { company: { in: of.companies }, status: 'open' },
      { limit: openOrderLimit },
    ),
    erp.purchase_request.list({
      product: { in: of.products },
      company: { in: of.companies },
      status: { in: ['draft', 'approved'] },
    }),
  ]);
  const wanted = new Set(of.products);
  const found = new Map<string, Incoming>();
  const add = (product: Id<'product'>, company: string, each: Partial<Incoming>): void => {
    const key = `${product} ${company}`;
    const sum = found.get(key) ?? { product, company, ordered: '0', requested: '0' };
    sum.ordered = Decimal.plus(sum.ordered, each.ordered ?? '0');
    sum.requested = Decimal.plus(sum.requested, each.requested ?? '0');
    found.set(key, sum);
  };
  for (const order of orders) {
    for (const line of order.lines) {
      const rest = Decimal.minus(line.quantity, line.received);
      const isDue = wanted.has(line.product) && Decimal.isAbove(rest, '0');
      if (isDue) add(line.product, order.company, { ordered: rest });
    }
  }
  for (const request of requests) {
    add(request.product, request.company, { requested: request.quantity });
  }
  return [...found.values()];
}

/** How much of a product is still missing up to the target of its rule, with all that is on the way; its minimum where that is more. */
export function missingOf(
  rule: Pick<Row<'reorder_rule'>, 'minimum' | 'target'>,
  projected: string,
): string {
  const upTo = Decimal.isAbove(rule.minimum, rule.target) ? rule.minimum : rule.target;
  return Decimal.minus(upTo, projected);
}
