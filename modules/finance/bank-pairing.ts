import { Day, Money } from 'tutti';

/** Banks book a payment within a long weekend of its order. */
const nearDays = 5;

interface Line {
  readonly id: string;
  readonly date: string;
  readonly kind: 'transfer' | 'fee';
  readonly amount: Money;
  readonly reference: string | null;
}

interface Booked {
  readonly id: string;
  readonly number: string;
  readonly date: string;
  readonly purpose: string;
  readonly reference: string;
  readonly amount: Money;
  readonly reconciled: boolean;
}

/** A line that does not pair. `difference` is signed: what the statement has and the books do not. */
export interface StatementException<L extends Line, P extends Booked> {
  readonly kind: 'amount' | 'duplicate' | 'fee' | 'unmatched';
  readonly line: L;
  readonly payment: P | null;
  readonly difference: Money;
}

/** The outcome of a pairing, in the order of the lines within each pass. */
export interface Pairing<L extends Line, P extends Booked> {
  readonly pairs: readonly { readonly line: L; readonly payment: P }[];
  readonly exceptions: readonly StatementException<L, P>[];
}

/**
 * Pairs statement lines with the cash book, each payment at most once: first by reference and amount, then what is left by
 * reference, then fees, then lines without a reference by amount and date. Lines come oldest first; of two lines for one payment
 * the later is the duplicate.
 */
export function pairStatement<L extends Line, P extends Booked>(
  lines: readonly L[],
  payments: readonly P[],
): Pairing<L, P> {
  const taken = new Set(payments.filter((each) => each.reconciled).map((each) => each.id));
  const pairs: { line: L; payment: P }[] = [];
  const exceptions: StatementException<L, P>[] = [];
  const report = (kind: 'fee' | 'unmatched', line: L): void => {
    exceptions.push({ kind, line, payment: null, difference: line.amount });
  };
  const pair = (line: L, payment: P): void => {
    taken.add(payment.id);
    pairs.push({ line, payment });
  };
  const isTransfer = (each: { readonly purpose: string }): boolean => each.purpose !== 'fee';
  const near = (line: L, fits: (payment: P) => boolean): readonly P[] =>
    payments.filter(
      (each) =>
        !taken.has(each.id) &&
        fits(each) &&
        Money.equals(each.amount, line.amount) &&
        Math.abs(Day.between(each.date, line.date)) <= nearDays,
    );

  const quotedBy = (line: L): readonly P[] =>
    payments.filter((each) => isTransfer(each) && each.reference === line.reference);

  // What is paid in parts quotes one reference: each part is known by its amount, and only what no part explains may be another one.
  const unpaired = lines.filter((line) => {
    if (line.kind !== 'transfer' || line.reference === null) return false;
    const awaited = quotedBy(line).find(
      (each) => !taken.has(each.id) && Money.equals(each.amount, line.amount),
    );
    if (awaited) pair(line, awaited);
    return !awaited;
  });
  for (const line of unpaired) {
    const quoted = quotedBy(line);
    const settled = quoted.find((each) => Money.equals(each.amount, line.amount));
    const other = quoted.find((each) => !taken.has(each.id));
    if (settled)
      exceptions.push({
        ...{ kind: 'duplicate', line, payment: settled },
        difference: line.amount,
      });
    else if (other) {
      taken.add(other.id);
      exceptions.push({ kind: 'amount', line, payment: other, difference: apart(line, other) });
    } else report('unmatched', line);
  }
  for (const line of lines) {
    if (line.kind !== 'fee') continue;
    const [payment] = near(line, (each) => !isTransfer(each));
    if (payment) pair(line, payment);
    else report('fee', line);
  }
  for (const line of lines) {
    if (line.kind !== 'transfer' || line.reference !== null) continue;
    const [payment, ...others] = near(line, isTransfer);
    if (payment && others.length === 0) pair(line, payment);
    else report('unmatched', line);
  }
  return { pairs, exceptions };
}

/** Two currencies have no difference: all that the bank moved is in question. */
function apart(line: Line, payment: Booked): Money {
  const isForeign = line.amount.currency !== payment.amount.currency;
  return isForeign ? line.amount : Money.minus(line.amount, payment.amount);
}
