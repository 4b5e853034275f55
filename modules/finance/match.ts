import { Decimal, Money, type Row } from 'tutti';
import { allowedDifference, type Tolerance } from './tolerance.ts';

/** What a comparison needs of a bill, its order, and the receipts. */
export interface MatchFacts {
  readonly bill: {
    readonly id: string;
    readonly total: Money;
    readonly lines: readonly {
      readonly orderLine: string | null;
      readonly quantity: string;
      readonly price: Money;
    }[];
  };
  readonly order:
    | {
        readonly id: string;
        readonly status: Row<'purchase_order'>['status'];
        readonly matching: 'three_way' | 'two_way';
        readonly lines: readonly {
          readonly id: string;
          readonly quantity: string;
          readonly price: Money;
        }[];
        readonly billed: readonly {
          readonly bill: string;
          readonly orderLine: string;
          readonly quantity: string;
        }[];
      }
    | undefined;
  readonly receipts: readonly {
    readonly order: string;
    readonly orderLine: string;
    readonly accepted: string;
  }[];
  readonly tolerance: Tolerance | undefined;
}

type Kind = 'receipt' | 'quantity' | 'price';

/** One way in which a bill does not agree, over all of its lines. */
export interface Difference {
  readonly kind: Kind;
  readonly amount: Money;
  /** Lines that differ in this way; of quantities lines of the order, and the bill's total counts as one. */
  readonly lines: number;
}

/** Compares a bill with its order and receipts; at most one element a kind, the gravest kind first. */
export function compareBill(facts: MatchFacts): readonly Difference[] {
  const { lines, total } = facts.bill;
  const charged = Map.groupBy(lines, (line) => line.orderLine);
  // Freight and tax come beside what was ordered: alone they are nothing that anybody has received.
  const isFree = lines.every(({ orderLine }) => orderLine === null);
  const differences = [
    ...(isFree
      ? unreceived(lines)
      : [...charged.values()].flatMap((of) => compareLines(of, facts))),
    ...compareTotal(facts),
  ];
  return (['receipt', 'quantity', 'price'] as const).flatMap((kind) => {
    const amounts = differences.filter((each) => each.kind === kind).map((each) => each.amount);
    if (amounts.length === 0) return [];
    const amount = Money.round(Money.of(Decimal.sum(amounts), total.currency));
    return [{ kind, amount, lines: amounts.length }];
  });
}

/** Compares what a bill demands with what its lines add up to, in the smallest unit of its currency; tax and freight are lines of it too. */
function compareTotal({ bill, tolerance }: MatchFacts): readonly LineDifference[] {
  const values = bill.lines.map(({ quantity, price }) => Decimal.times(quantity, price.amount));
  const { amount: charged } = Money.round(Money.of(Decimal.sum(values), bill.total.currency));
  const apart = Decimal.abs(Decimal.minus(bill.total.amount, charged));
  if (!Decimal.isAbove(apart, allowedDifference(charged, tolerance))) return [];
  return [{ kind: 'price', amount: apart }];
}

type LineDifference = { readonly kind: Kind; readonly amount: string };
type BillLine = MatchFacts['bill']['lines'][number];
type OrderLine = NonNullable<MatchFacts['order']>['lines'][number];

/** Compares the lines that charge one line of the order: each in its price, all of them together in their quantity. */
function compareLines(lines: readonly BillLine[], facts: MatchFacts): readonly LineDifference[] {
  const { order } = facts;
  const orderLine = lines[0]?.orderLine ?? null;
  if (orderLine === null) return [];
  const ordered = order?.lines.find((each) => each.id === orderLine);
  if (!order || !ordered) return unreceived(lines);
  const agreed = agreedOf(order, ordered, facts.receipts);
  if (order.matching === 'three_way' && Decimal.isZero(agreed)) return unreceived(lines);
  const elsewhere = order.billed
    .filter((each) => each.orderLine === ordered.id && each.bill !== facts.bill.id)
    .map((each) => each.quantity);
  const rest = Decimal.minus(agreed, Decimal.sum(elsewhere));
  return [
    ...compareQuantity(lines, { ordered, permitted: rest.startsWith('-') ? '0' : rest }, facts),
    ...lines.flatMap((line) => comparePrice(line, ordered, facts)),
  ];
}

/** What is charged of something that nobody has received; nothing where as much is credited. */
function unreceived(lines: readonly BillLine[]): readonly LineDifference[] {
  const amounts = lines.map(({ quantity, price }) => Decimal.times(quantity, price.amount));
  if (!Decimal.isAbove(Decimal.sum(amounts), '0')) return [];
  return amounts.map((amount) => ({ kind: 'receipt', amount }));
}

/** How much of a line of the order may be charged in all. */
function agreedOf(
  order: NonNullable<MatchFacts['order']>,
  { id, quantity }: OrderLine,
  receipts: MatchFacts['receipts'],
): string {
  const isInForce = order.status !== 'draft' && order.status !== 'cancelled';
  if (order.matching === 'two_way') return isInForce ? quantity : '0';
  const received = receipts.find((each) => each.order === order.id && each.orderLine === id);
  return received?.accepted ?? '0';
}

function compareQuantity(
  lines: readonly BillLine[],
  { ordered, permitted }: { readonly ordered: OrderLine; readonly permitted: string },
  { tolerance }: MatchFacts,
): readonly LineDifference[] {
  const price = ordered.price.amount;
  const charged = Decimal.sum(lines.map((line) => line.quantity));
  const excess = Decimal.times(Decimal.minus(charged, permitted), price);
  const allowed = allowedDifference(Decimal.times(permitted, price), tolerance);
  const isBeyond = Decimal.isAbove(excess, '0') && Decimal.isAbove(excess, allowed);
  return isBeyond ? [{ kind: 'quantity', amount: excess }] : [];
}

function comparePrice(
  line: BillLine,
  ordered: OrderLine,
  { tolerance }: MatchFacts,
): readonly LineDifference[] {
  const price = ordered.price.amount;
  // Two currencies have no difference: all that is charged is in question.
  const isForeign = line.price.currency !== ordered.price.currency;
  const apart = Decimal.abs(Decimal.minus(line.price.amount, isForeign ? '0' : price));
  const difference = Decimal.times(apart, Decimal.abs(line.quantity));
  const allowed = allowedDifference(Decimal.times(line.quantity, price), tolerance);
  return Decimal.isAbove(difference, allowed) ? [{ kind: 'price', amount: difference }] : [];
}
