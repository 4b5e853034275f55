/** Decimals of one column as whole numbers of the same unit: `value = unit / 10^scale`. Sums and comparisons of them are exact. */
export interface DecimalColumn {
  readonly units: readonly bigint[];
  readonly scale: number;
}

/** The longest number that is taken, in digits: none of ours is longer, and one that is costs time. */
const longest = 60;
const pattern = /^([+-]?)(\d+)(?:\.(\d+))?(?:e([+-]?\d{1,3}))?$/i;

interface Parsed {
  readonly unit: bigint;
  readonly scale: number;
}

/** A decimal in text, or a number by its shortest text; null for anything else. */
export function parseDecimal(value: unknown): Parsed | null {
  if (typeof value !== 'number' && typeof value !== 'string') return null;
  const [, sign = '', whole = '', part = '', exponent = '0'] = pattern.exec(String(value)) ?? [];
  const scale = part.length - Number(exponent);
  if (whole === '' || whole.length + part.length + Math.abs(Number(exponent)) > longest)
    return null;
  const unit = BigInt(`${whole}${part}`) * (sign === '-' ? -1n : 1n);
  return scale >= 0 ? { unit, scale } : { unit: unit * 10n ** BigInt(-scale), scale: 0 };
}

/** Decimals of any length of fraction, in the unit of the longest. */
export function columnOf(values: readonly Parsed[]): DecimalColumn {
  const scale = values.reduce((most, value) => Math.max(most, value.scale), 0);
  const units = values.map((value) => value.unit * 10n ** BigInt(scale - value.scale));
  return { units, scale };
}

/** Whole numbers of 10^-scale as text, without zeros at the end of the fraction. */
export function decimalText(unit: bigint, scale: number): string {
  const digits = (unit < 0n ? -unit : unit).toString().padStart(scale + 1, '0');
  const whole = digits.slice(0, digits.length - scale);
  const part = digits.slice(digits.length - scale).replace(/0+$/, '');
  const text = part === '' ? whole : `${whole}.${part}`;
  return unit < 0n ? `-${text}` : text;
}

/** `dividend / divisor`, rounded half away from zero; the divisor is above zero. */
export function divideRounded(dividend: bigint, divisor: bigint): bigint {
  const magnitude = (2n * (dividend < 0n ? -dividend : dividend) + divisor) / (2n * divisor);
  return dividend < 0n ? -magnitude : magnitude;
}

/** The square root of `dividend / divisor`, rounded half up. Newton's method on whole numbers, from above. */
export function rootRounded(dividend: bigint, divisor: bigint): bigint {
  // round(√q) = ⌊(⌊√(4q)⌋ + 1) / 2⌋
  return (wholeRoot((4n * dividend) / divisor) + 1n) / 2n;
}

function wholeRoot(value: bigint): bigint {
  if (value < 2n) return value;
  let root = 1n << BigInt(Math.ceil(value.toString(2).length / 2));
  for (;;) {
    const next = (root + value / root) / 2n;
    if (next >= root) return root;
    root = next;
  }
}
