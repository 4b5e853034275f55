import { Decimal, EngineError, type Erp, type Id, Money, type Row } from 'tutti';
import { fromGroup, ratesAt } from './rates.ts';

/** Up to which difference stock and ledger agree, in units of the company's currency: rounding of many small postings. */
export const valuationTolerance = '50';

/** A level that is not the sum of its moves. */
export interface DriftedLevel {
  readonly level: Id<'stock_level'> | null;
  readonly product: Id<'product'>;
  readonly number: string;
  readonly warehouse: Id<'warehouse'>;
  readonly code: string;
  readonly onHand: string;
  readonly moved: string;
  readonly value: Money;
  /** A count that is planned or under way includes it. */
  readonly planned: boolean;
}

/** A company's stock at standard cost. */
export interface CompanyValuation {
  readonly checked: number;
  readonly total: Money;
  readonly warehouses: {
    readonly warehouse: Id<'warehouse'>;
    readonly code: string;
    readonly levels: number;
    readonly value: Money;
  }[];
  readonly drifted: DriftedLevel[];
  readonly costless: {
    readonly level: Id<'stock_level'>;
    readonly number: string;
    readonly code: string;
    readonly onHand: string;
  }[];
}

/** Values a company's stock warehouse by warehouse, so that memory holds the moves of one at a time. */
export async function valueCompany(
  erp: Erp,
  at: { readonly company: string; readonly today: string },
): Promise<CompanyValuation> {
  const { currency } = await companyNamed(erp, at.company);
  const rates = await ratesAt(erp, at.today);
  const convert = (money: Money): Money => Money.round(fromGroup(money, currency, rates));
  const warehouses = await erp.warehouse.list(
    { company: at.company },
    { order: [{ field: 'code' }] },
  );
  const valuation = { checked: 0, warehouses: [], drifted: [], costless: [] } as {
    checked: number;
  } & Pick<CompanyValuation, 'warehouses' | 'drifted' | 'costless'>;
  for (const warehouse of warehouses) {
    const own = await valueWarehouse(erp, warehouse, convert);
    valuation.checked += own.checked;
    valuation.warehouses.push(...own.warehouses);
    valuation.drifted.push(...own.drifted);
    valuation.costless.push(...own.costless);
  }
  const values = valuation.warehouses.map((warehouse) => warehouse.value);
  return { ...valuation, total: Money.sum(currency, values) };
}

async function companyNamed(erp: Erp, code: string): Promise<Row<'company'>> {
  const company = await erp.company.find({ code });
  if (company) return company;
  throw new EngineError('RECORD_UNKNOWN', `There is no company '${code}'; name one by its code.`);
}

async function valueWarehouse(
  erp: Erp,
  warehouse: Row<'warehouse'>,
  convert: (money: Money) => Money,
): Promise<Omit<CompanyValuation, 'total'>> {
  const at = { warehouse: warehouse.id };
  const [levels, moves, counts] = await Promise.all([
    erp.stock_level.list(at, { limit: 100_000 }),
    erp.stock_move.list(at, { limit: 1_000_000 }),
    erp.stock_count.list({ ...at, status: { in: ['planned', 'counting'] } }),
  ]);
  const ids = [...new Set([...levels, ...moves].map((row) => row.product))];
  const products = ids.length
    ? await erp.product.list({ id: { in: ids } }, { limit: 100_000 })
    : [];
  const byId = new Map(products.map((product) => [product.id, product]));
  const worth = (product: string, pieces: string): Money =>
    Money.times(byId.get(product)?.cost ?? Money.zero('EUR'), pieces);
  const values = levels.map((level) => worth(level.product, level.onHand));
  const numberOf = (product: string): string => byId.get(product)?.number ?? product;
  const planned = new Set(counts.flatMap(({ lines }) => lines.map((line) => line.product)));
  const { id, code } = warehouse;
  return {
    checked: levels.length,
    warehouses: [
      {
        warehouse: id,
        code,
        levels: levels.length,
        value: convert(Money.sum(values[0]?.currency ?? 'EUR', values)),
      },
    ],
    drifted: driftOf(levels, moves).map((drift) => ({
      ...drift,
      warehouse: id,
      code,
      number: numberOf(drift.product),
      planned: planned.has(drift.product),
      value: convert(Money.abs(worth(drift.product, Decimal.minus(drift.onHand, drift.moved)))),
    })),
    costless: levels
      .filter((level) => !Decimal.isZero(level.onHand))
      .filter((level) => Money.isZero(byId.get(level.product)?.cost ?? Money.zero('EUR')))
      .map((level) => ({
        level: level.id,
        number: numberOf(level.product),
        code,
        onHand: level.onHand,
      })),
  };
}

/** Levels whose moves do not add up to them, and moves without a level, by product. */
function driftOf(
  levels: readonly Row<'stock_level'>[],
  moves: readonly Row<'stock_move'>[],
): Pick<DriftedLevel, 'level' | 'product' | 'onHand' | 'moved'>[] {
  const byProduct = Map.groupBy(moves, (move) => move.product);
  const levelOf = new Map(levels.map((level) => [level.product, level]));
  return [...new Set([...levelOf.keys(), ...byProduct.keys()])]
    .map((product) => ({
      level: levelOf.get(product)?.id ?? null,
      product,
      onHand: levelOf.get(product)?.onHand ?? '0',
      moved: Decimal.sum((byProduct.get(product) ?? []).map((move) => move.quantity)),
    }))
    .filter((drift) => Decimal.compare(drift.onHand, drift.moved) !== 0);
}

/** The balance of a company's inventory control accounts, debits less credits. */
export async function ledgerOf(
  erp: Erp,
  company: string,
): Promise<{
  balance: Money;
  accounts: { readonly id: Id<'account'>; readonly number: string; readonly balance: Money }[];
}> {
  const [{ currency }, accounts, entries] = await Promise.all([
    companyNamed(erp, company),
    erp.account.list({ company, control: 'inventory' }, { order: [{ field: 'number' }] }),
    erp.journal_entry.list({ company }, { limit: 1_000_000 }),
  ]);
  const posted = new Map(accounts.map((account) => [account.id, '0']));
  for (const line of entries.flatMap((entry) => entry.lines)) {
    const before = posted.get(line.account);
    if (before === undefined) continue;
    posted.set(line.account, Decimal.plus(before, Decimal.minus(line.debit, line.credit)));
  }
  const balances = accounts.map(({ id, number }) => ({
    id,
    number,
    balance: Money.of(posted.get(id) ?? '0', currency),
  }));
  return {
    balance: Money.sum(
      currency,
      balances.map((account) => account.balance),
    ),
    accounts: balances,
  };
}
