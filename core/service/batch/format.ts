import { Decimal } from '../../base/money.ts';

/** `12,345`: whole numbers as people read them. */
export function formatCount(count: number): string {
  return groupDigits(Math.round(count).toString());
}

/** `1 finding`, `12 findings`. */
export function countOf(count: number, noun: string, plural = `${noun}s`): string {
  return `${formatCount(count)} ${count === 1 ? noun : plural}`;
}

/** `8,125.50`: decimal text with at least two places and no rounding; no float on the way. */
export function formatAmount(amount: string): string {
  const sign = amount.startsWith('-') ? '−' : '';
  const [whole = '0', places = ''] = amount.replace('-', '').split('.');
  const kept = places.replace(/0+$/, '').padEnd(2, '0');
  return `${sign}${groupDigits(whole)}.${kept}`;
}

/** `$0.0123`: micro-USD, with as many places as a small cost needs. */
export function formatCost(costMicroUsd: number): string {
  if (costMicroUsd === 0) return '$0.00';
  const places = costMicroUsd < 1_000_000 ? 4 : 2;
  return `$${formatAmount(Decimal.round(Decimal.over(String(costMicroUsd), '1000000'), places))}`;
}

/** `The daily budget of module finance, $5.00, was used to 84 %`: what the warning about a budget says. */
export function budgetPhrase(budget: {
  readonly scope: string;
  readonly share: number;
  readonly limitMicroUsd: number;
}): string {
  const { scope, share, limitMicroUsd } = budget;
  const whose = scope === 'tenant' ? 'all runs' : scope.replace(':', ' ');
  return `The daily budget of ${whose}, ${formatCost(limitMicroUsd)}, was used to ${Math.floor(share * 100)} %`;
}

/** `840 ms`, `10.6 s`, `4 min 05 s`, `2 h 03 min`. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  if (durationMs < 60_000) return `${(durationMs / 1_000).toFixed(1)} s`;
  const seconds = Math.round(durationMs / 1_000);
  if (seconds < 3_600) return `${Math.floor(seconds / 60)} min ${pad(seconds % 60)} s`;
  const minutes = Math.round(seconds / 60);
  return `${Math.floor(minutes / 60)} h ${pad(minutes % 60)} min`;
}

/** `three way match` for `finance.three_way_match`: what people call an agent, a tool or a kind of finding. */
export function plainName(name: string): string {
  return name.slice(name.indexOf('.') + 1).replaceAll(/[_.]/g, ' ');
}

/** `hold payslip` for `hr.payslip.hold`: what a tool does, verb first. */
export function toolPhrase(tool: string): string {
  const [, ...words] = tool.split('.');
  const verb = words.pop() ?? tool;
  return [verb, ...words].join(' ').replaceAll('_', ' ');
}

const shortNames: Readonly<Record<string, string>> = { hr: 'HR' };

/** `Finance` for `finance`: a module's name as a heading. */
export function moduleName(name: string): string {
  const plain = name.replaceAll('_', ' ');
  return shortNames[name] ?? plain.charAt(0).toUpperCase() + plain.slice(1);
}

/** `Tuesday, 30 June 2026` for a business date `2026-06-30`. */
export function formatDay(day: string): string {
  const date = new Date(`${day}T00:00:00Z`);
  const options = { weekday: 'long', day: 'numeric', month: 'long', year: 'numeric' } as const;
  return new Intl.DateTimeFormat('en-GB', { ...options, timeZone: 'UTC' }).format(date);
}

function groupDigits(whole: string): string {
  return whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
}

function pad(value: number): string {
  return String(value).padStart(2, '0');
}
