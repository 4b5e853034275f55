import { Decimal, Money, type Row } from 'tutti';

/** How far goods may differ from the order before anybody is asked, in percent of the ordered quantity. */
export const deliveryTolerancePercent = '5';

/** A line of an order of which more, less or other than ordered came. */
export interface LineDelivery {
  readonly line: string;
  readonly product: string;
  readonly ordered: string;
  /** Over all receipts. */
  readonly accepted: string;
  readonly rejected: string;
  /** (accepted − ordered) ÷ ordered in percent, to twelve places; negative when too little came. Of a line for nothing 100 when anything came. */
  readonly differencePercent: string;
  readonly differenceValue: Money;
  /** What neither came nor was rejected, in percent of the ordered pieces, to twelve places; never negative. */
  readonly missingPercent: string;
  readonly missingValue: Money;
  readonly rejectedValue: Money;
  /** The receipts that rejected pieces of it. */
  readonly rejections: readonly { readonly receipt: string; readonly value: Money }[];
}

/** An order against everything that came for it. */
export interface OrderDelivery {
  readonly order: string;
  readonly number: string;
  readonly company: string;
  readonly status: Row<'purchase_order'>['status'];
  readonly expectedOn: string;
  /** The latest receipt up to today, wherever it came in; null without any. */
  readonly lastReceipt: string | null;
  /** What was accepted, at the order's prices. */
  readonly acceptedValue: Money;
  /** Lines that came exactly as ordered are left out. */
  readonly deviations: readonly LineDelivery[];
}

/** Compares an order's lines with all its receipts, which come by date and number. */
export function compareDelivery(
  order: Row<'purchase_order'>,
  receipts: readonly Row<'goods_receipt'>[],
  today: string,
): OrderDelivery {
  const { currency } = order.total;
  const lines = order.lines.map((line) => compareLine(line, receipts));
  const values = order.lines.map((line, index) =>
    Money.times(line.price, lines[index]?.accepted ?? '0'),
  );
  return {
    order: order.id,
    number: order.number,
    company: order.company,
    status: order.status,
    expectedOn: order.expectedOn,
    lastReceipt: receipts.findLast((receipt) => receipt.date <= today)?.id ?? null,
    acceptedValue: Money.round(Money.sum(currency, values)),
    deviations: lines.filter(
      (line) =>
        Decimal.compare(line.accepted, line.ordered) !== 0 || !Decimal.isZero(line.rejected),
    ),
  };
}

function compareLine(
  line: Row<'purchase_order'>['lines'][number],
  receipts: readonly Row<'goods_receipt'>[],
): LineDelivery {
  const own = receipts.flatMap((receipt) =>
    receipt.lines
      .filter((each) => each.orderLine === line.id)
      .map((each) => ({ ...each, receipt: receipt.id })),
  );
  const accepted = Decimal.sum(own.map((each) => each.accepted));
  const rejected = Decimal.sum(own.map((each) => each.rejected));
  const difference = Decimal.minus(accepted, line.quantity);
  const rest = Decimal.minus(line.quantity, Decimal.plus(accepted, rejected));
  const missing = Decimal.isAbove(rest, '0') ? rest : '0';
  const shareOf = (pieces: string, ofNothing: string): string =>
    Decimal.isZero(line.quantity)
      ? ofNothing
      : Decimal.over(Decimal.times(pieces, '100'), line.quantity, 12);
  const worth = (pieces: string): Money => Money.round(Money.times(line.price, pieces));
  return {
    line: line.id,
    product: line.product,
    ordered: line.quantity,
    accepted,
    rejected,
    differencePercent: shareOf(difference, Decimal.isAbove(accepted, '0') ? '100' : '0'),
    differenceValue: worth(Decimal.abs(difference)),
    missingPercent: shareOf(missing, '0'),
    missingValue: worth(missing),
    rejectedValue: worth(rejected),
    rejections: own
      .filter((each) => !Decimal.isZero(each.rejected))
      .map((each) => ({ receipt: each.receipt, value: worth(each.rejected) })),
  };
}

/** Why goods and order disagree. */
export type DeliveryFault = 'short' | 'over' | 'rejected' | 'unordered';

/** What the goods in question are worth when an order shows a fault, or null when it does not. */
export function faultValue(
  delivery: OrderDelivery,
  fault: { readonly reason: DeliveryFault; readonly receipt: string; readonly today: string },
): Money | null {
  const { status, deviations } = delivery;
  if (status === 'cancelled' || status === 'draft') {
    return fault.reason === 'unordered' ? delivery.acceptedValue : null;
  }
  const overdue = status !== 'closed' && delivery.expectedOn < fault.today;
  const values: Readonly<Record<DeliveryFault, readonly Money[]>> = {
    unordered: [],
    over: deviations.filter(isOver).map((line) => line.differenceValue),
    short: overdue ? deviations.filter(isShort).map((line) => line.missingValue) : [],
    rejected: deviations.filter(isMissing).flatMap((line) => rejectedBy(line, fault.receipt)),
  };
  const own = values[fault.reason];
  return own.length === 0 ? null : Money.sum(delivery.acceptedValue.currency, own);
}

function isOver(line: LineDelivery): boolean {
  return Decimal.isAbove(line.differencePercent, deliveryTolerancePercent);
}

/** Too little came, even with the pieces that were rejected. */
function isShort(line: LineDelivery): boolean {
  return Decimal.isAbove(line.missingPercent, deliveryTolerancePercent);
}

function isMissing(line: LineDelivery): boolean {
  return Decimal.compare(line.accepted, line.ordered) < 0;
}

function rejectedBy(line: LineDelivery, receipt: string): readonly Money[] {
  return line.rejections.filter((each) => each.receipt === receipt).map((each) => each.value);
}
