import {
  columnOf,
  type DecimalColumn,
  decimalText,
  divideRounded,
  parseDecimal,
  rootRounded,
} from './decimal-column.ts';

/** How figures are computed. */
export interface MetricTerms {
  /** Decimal places of what has no exact decimal: mean, median, deviation and percentiles. */
  readonly places: number;
  readonly deviation: 'sample' | 'population';
  /** Percent, 0 to 100. */
  readonly percentiles: readonly number[];
}

/** Figures of one column, decimals in text; null where there is none. */
export interface Metrics {
  readonly count: number;
  readonly sum: string;
  readonly mean: string | null;
  readonly median: string | null;
  readonly min: string | null;
  readonly max: string | null;
  readonly deviation: string | null;
  readonly percentiles: readonly { readonly percent: number; readonly value: string | null }[];
}

/**
 * The figures of decimals. Nothing passes through a float: sum, least and greatest value are exact, the others rounded once, half
 * away from zero.
 *
 * - mean: Σx / n; median: the middle value, or the mean of the two (NIST/SEMATECH e-Handbook of Statistical Methods, 1.3.5.1)
 * - deviation: √(Σ(x − mean)² / (n − 1)) of a sample, by n of a population (e-Handbook, 1.3.5.6); a sample of one has none. It is
 *   computed as √((n·Σx² − (Σx)²) / (n·(n − 1))), the same number, which is exact in whole numbers.
 * - percentile p: between the values around position (n − 1)·p/100, counted from 0, in proportion (type 7 of R. Hyndman and Y. Fan,
 *   Sample Quantiles in Statistical Packages, The American Statistician 50, 1996; what spreadsheets call PERCENTILE.INC)
 */
export function metricsOf(values: Parameters<typeof columnOf>[0], terms: MetricTerms): Metrics {
  const column = columnOf(values);
  const units = column.units.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  const sorted = { units, scale: column.scale };
  const sum = units.reduce((total, unit) => total + unit, 0n);
  const exact = (unit: bigint | undefined): string | null =>
    unit === undefined ? null : decimalText(unit, column.scale);
  return {
    count: units.length,
    sum: decimalText(sum, column.scale),
    mean: units.length === 0 ? null : quotient(sum, { ...sorted, by: BigInt(units.length) }, terms),
    median: percentile(sorted, 50, terms),
    min: exact(units[0]),
    max: exact(units.at(-1)),
    deviation: deviation(sorted, sum, terms),
    percentiles: terms.percentiles.map((percent) => ({
      percent,
      value: percentile(sorted, percent, terms),
    })),
  };
}

/** `dividend / by`, in units of the column, as text with the places asked for. */
function quotient(
  dividend: bigint,
  { scale, by }: { readonly scale: number; readonly by: bigint },
  { places }: MetricTerms,
): string {
  const unit = divideRounded(dividend * 10n ** BigInt(places), by * 10n ** BigInt(scale));
  return decimalText(unit, places);
}

function deviation(
  { units, scale }: DecimalColumn,
  sum: bigint,
  { places, deviation: kind }: MetricTerms,
): string | null {
  const n = BigInt(units.length);
  const divisor = n * (kind === 'sample' ? n - 1n : n);
  if (divisor <= 0n) return null;
  const squares = units.reduce((total, unit) => total + unit * unit, 0n);
  const spread = (n * squares - sum * sum) * 10n ** BigInt(2 * places);
  return decimalText(rootRounded(spread, divisor * 10n ** BigInt(2 * scale)), places);
}

function percentile(
  { units, scale }: DecimalColumn,
  percent: number,
  terms: MetricTerms,
): string | null {
  const part = parseDecimal(percent);
  if (units.length === 0 || part === null) return null;
  const whole = 100n * 10n ** BigInt(part.scale);
  const position = BigInt(units.length - 1) * part.unit;
  const low = units[Number(position / whole)] ?? 0n;
  const high = units[Number(position / whole) + 1] ?? low;
  return quotient(low * whole + (high - low) * (position % whole), { scale, by: whole }, terms);
}
