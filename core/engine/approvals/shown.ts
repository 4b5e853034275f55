import { readText, Text } from '../../base/text.ts';

/** A line of what people are shown: where it stands, and what stands there. */
export interface ShownLine {
  /** `invoice.lines[0].amount`; '' for data that is no object. */
  readonly label: string;
  readonly text: string;
}

/**
 * What people are asked to agree to, a line a value: nothing is left out or shortened, and nothing in it hides, since invisible and
 * bidirectional control characters are taken out.
 */
export function linesOf(shown: unknown, label = ''): readonly ShownLine[] {
  if (shown === null || shown === undefined) return label === '' ? [] : [{ label, text: '—' }];
  if (Array.isArray(shown) && !shown.every(isFlat))
    return shown.flatMap((each, index) => linesOf(each, `${label}[${index}]`));
  if (Array.isArray(shown)) return [{ label, text: shown.map(textOf).join(', ') || '(none)' }];
  if (typeof shown !== 'object') return [{ label, text: textOf(shown) }];
  const members = Object.entries(shown);
  if (members.length === 0 && label !== '') return [{ label, text: '(none)' }];
  return members.flatMap(([name, value]) =>
    linesOf(value, label === '' ? visible(name) : `${label}.${visible(name)}`),
  );
}

function isFlat(value: unknown): boolean {
  return value === null || typeof value !== 'object';
}

function textOf(value: unknown): string {
  if (value === null) return '—';
  return visible(typeof value === 'string' ? value : JSON.stringify(value));
}

/** A text without what hides in it; lines and control characters become spaces. */
export function visible(text: string): string {
  return readText(new Text(text)).replace(/[\p{Cc}\u2028\u2029]+/gu, ' ');
}
