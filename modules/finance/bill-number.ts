/** A supplier's invoice number as a duplicate check reads it. */
export interface BillStem {
  /** The number without prefix, separators and leading zeros, and with the letters O, I and L read as 0, 1 and 1. */
  readonly stem: string;
  /** A single letter after the number: `B` of `1042-B`; null when there is none. O, I and L never count as one. */
  readonly suffix: string | null;
}

/**
 * Reduces a number to what survives retyping: `INV-1042`, `inv1042 `, `1042-A` and `INV-IO42` have the same stem.
 * Numbers that differ in a digit, such as two months' rent, do not.
 */
export function stemOf(number: string): BillStem {
  const upper = number.trim().toUpperCase();
  const body = upper.replace(/^[A-Z]+(?:[^A-Z0-9]+|(?=\d))/, '');
  const suffix = /[0-9OIL][^A-Z0-9]*([A-HJKMNP-Z])$/.exec(body)?.[1] ?? null;
  const core = suffix === null ? body : body.slice(0, -1);
  const digits = core
    .replace(/[^A-Z0-9]/g, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
  return { stem: digits.replace(/^0+(?=.)/, ''), suffix };
}

/** Two different suffixes are instalments of one order, not the same bill twice. */
export function mayRepeat(a: BillStem, b: BillStem): boolean {
  return a.stem === b.stem && (a.suffix === null || b.suffix === null || a.suffix === b.suffix);
}
