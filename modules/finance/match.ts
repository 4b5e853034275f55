import { Decimal, Money } from 'tutti';
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
  /** Lines that differ in this way. */
  readonly lines: number;
}

/** Compares a bill with its order and receipts; at most one element a kind, the gravest kind first. */
export function compareBill(facts: MatchFacts): readonly Difference[] {
  const byLine = facts.bill.lines.flatMap((line) => compareLine(line, facts));
  const { currency } = facts.bill.total;
  return (['receipt', 'quantity', 'price'] as const).flatMap((kind) => {
    const amounts = byLine.filter((each) => each.kind === kind).map((each) => each.amount);
    if (amounts.length === 0) return [];
    const amount = Money.round(Money.of(Decimal.sum(amounts), currency));
    return [{ kind, amount, lines: amounts.length }];
  });
}

type LineDifference = { readonly kind: Kind; readonly amount: string };

function compareLine(
  line: MatchFacts['bill']['lines'][number],
  { bill, order, receipts, tolerance }: MatchFacts,
): readonly LineDifference[] {
  const ordered = order?.lines.find((each) => each.id === line.orderLine);
  if (!order || !ordered) return [];
  const agreed =
    order.matching === 'two_way'
      ? ordered.quantity
      : (receipts.find((each) => each.order === order.id && each.orderLine === ordered.id)
          ?.accepted ?? '0');
  if (order.matching === 'three_way' && Decimal.isZero(agreed)) {
    return [{ kind: 'receipt', amount: Decimal.times(line.quantity, line.price.amount) }];
  }
  const elsewhere = order.billed
    .filter((each) => each.orderLine === ordered.id && each.bill !== bill.id)
    .map((each) => each.quantity);
  const rest = Decimal.minus(agreed, Decimal.sum(elsewhere));
  const permitted = rest.startsWith('-') ? '0' : rest;
  const price = ordered.price.amount;
  const excess = Decimal.times(Decimal.minus(line.quantity, permitted), price);
  const dearer = Decimal.times(
    Decimal.abs(Decimal.minus(line.price.amount, price)),
    Decimal.abs(line.quantity),
  );
  const beyond = (difference: string, quantity: string): boolean =>
    Decimal.isAbove(difference, allowedDifference(Decimal.times(quantity, price), tolerance));
  return [
    ...(Decimal.isAbove(excess, '0') && beyond(excess, permitted)
      ? [{ kind: 'quantity' as const, amount: excess }]
      : []),
    ...(beyond(dearer, line.quantity) ? [{ kind: 'price' as const, amount: dearer }] : []),
  ];
}
