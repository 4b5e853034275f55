/** A supplier's invoice number as a duplicate check reads it. */
export interface BillStem {
  /**
   * The number without prefix, separators and leading zeros, and with the letters O, I and L read as 0, 1 and 1; letters and digits of
   * any script. Empty where it has none.
   */
  readonly stem: string;
  /** A single letter after the number: `B` of `1042-B`; null when there is none. O, I and L never count as one. */
  readonly suffix: string | null;
}

/** Characters of a number that are shown, and of a stem that are compared from either end: more than any supplier needs. */
const shownCharacters = 40;

/**
 * A supplier's number as models and findings may have it. It was typed from a letter, which may say anything: letters, digits and
 * `. / _ # -` are left of it, no space and at most 40 characters, so that it names a bill and is no sentence.
 */
export function shownNumber(number: string): string {
  const kept = number.normalize('NFKC').match(/[\p{L}\p{N}./_#-]/gu) ?? [];
  return kept.slice(0, shownCharacters).join('');
}

/**
 * Reduces a number to what survives retyping: `INV-1042`, `inv1042 `, `1042-A` and `INV-IO42` have the same stem.
 * Numbers that differ in a digit, such as two months' rent, do not.
 */
export function stemOf(number: string): BillStem {
  const upper = number.normalize('NFKC').trim().toUpperCase();
  const body = upper.replace(/^\p{L}+(?:[^\p{L}\p{N}]+|(?=\p{N}))/u, '');
  const suffix = /[0-9OIL][^\p{L}\p{N}]*([A-HJKMNP-Z])$/u.exec(body)?.[1] ?? null;
  const core = suffix === null ? body : body.slice(0, -1);
  const digits = core
    .replace(/[^\p{L}\p{N}]/gu, '')
    .replaceAll('O', '0')
    .replace(/[IL]/g, '1');
  const stem = digits.replace(/^0+(?=.)/, '');
  const isLong = stem.length > 2 * shownCharacters;
  return {
    stem: isLong ? stem.slice(0, shownCharacters) + stem.slice(-shownCharacters) : stem,
    suffix,
  };
}

/** Two different suffixes are instalments of one order, not the same bill twice; nothing is known of numbers without a stem. */
export function mayRepeat(a: BillStem, b: BillStem): boolean {
  return (
    a.stem !== '' &&
    a.stem === b.stem &&
    (a.suffix === null || b.suffix === null || a.suffix === b.suffix)
  );
}
