const counts = new Intl.NumberFormat('en-GB');
const cents = new Intl.NumberFormat('en-US', { style: 'currency', currency: 'USD' });
const fine = new Intl.NumberFormat('en-US', {
  ...{ style: 'currency', currency: 'USD' },
  ...{ minimumFractionDigits: 4, maximumFractionDigits: 4 },
} as const);

/** A whole number with its thousands apart. */
export function countText(count: number): string {
  return counts.format(count);
}

/** So many of something: `1 run`, `2 runs`. */
export function countOf(count: number, noun: string): string {
  return `${countText(count)} ${noun}${count === 1 ? '' : 's'}`;
}

/** Money of models. Below a dollar its small parts count. */
export function usdText(microUsd: number): string {
  const usd = microUsd / 1e6;
  return (Math.abs(usd) > 0 && Math.abs(usd) < 1 ? fine : cents).format(usd);
}

/** An amount of the books, decimal text, with the decimals of its currency and to its last digit: it is never made a float. */
export function amountText(amount: string, currency: string | null): string {
  const [, sign = '', whole = amount, part = ''] = /^(-?)(\d+)(?:\.(\d+))?$/.exec(amount) ?? [];
  const grouped = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
  if (currency === null) return `${sign}${grouped}${part && `.${part}`}`;
  const places = Math.max(decimalsOf(currency), part === '' ? 0 : 2);
  const decimals = part.padEnd(places, '0');
  return `${sign}${grouped}${decimals && `.${decimals}`} ${currency}`;
}

/** Decimal places of a currency, as the browser knows them. */
function decimalsOf(currency: string): number {
  const format = new Intl.NumberFormat('en', { style: 'currency', currency });
  return format.resolvedOptions().minimumFractionDigits ?? 2;
}

/** How long something took, or will take. */
export function spanText(ms: number): string {
  if (Math.round(ms) < 1_000) return `${Math.round(ms)} ms`;
  if (Math.round(ms / 100) < 600) return `${(ms / 1_000).toFixed(1)} s`;
  const seconds = Math.round(ms / 1_000);
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${seconds % 60} s`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/** A share as per cent. */
export function shareText(share: number): string {
  return `${Math.round(share * 100)} %`;
}

/** A code as words: `in_review` is `in review`. */
export function wordsText(code: string): string {
  return code.replaceAll('_', ' ');
}
