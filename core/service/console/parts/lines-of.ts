const longest = 300;

/** A value of some data, and where in it it stands. */
export interface Line {
  readonly label: string;
  readonly text: string;
}

/** Data as lines, a value each; nothing is left out. */
export function linesOf(value: unknown, label: string): readonly Line[] {
  if (value === null || value === undefined) return label === '' ? [] : [{ label, text: '–' }];
  if (typeof value !== 'object') return [{ label, text: String(value) }];
  if (Array.isArray(value) && value.every((each) => each === null || typeof each !== 'object'))
    return [{ label, text: value.map((each) => String(each ?? '–')).join(', ') || '(none)' }];
  const members = Object.entries(value).map(([name, each]) => [visible(name), each] as const);
  if (members.length === 0) return label === '' ? [] : [{ label, text: '(none)' }];
  return members.flatMap(([name, each]) => {
    if (Array.isArray(value)) return linesOf(each, `${label}[${name}]`);
    return linesOf(each, label === '' ? name : `${label}.${name}`);
  });
}

/**
 * Data in one line, for lists: the arguments of a call go without their word, of several things only their number is told, and what is
 * too long goes without its end.
 */
export function factsText(value: unknown): string {
  const line = linesOf(counted(value), '')
    .map(({ label, text }) => `${label.replace(/^args\./, '')} ${text}`.trim())
    .join(' · ');
  return line.length <= longest ? line : `${line.slice(0, longest)}…`;
}

function counted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value))
    return value.some((each) => typeof each === 'object' && each !== null)
      ? `(${value.length})`
      : value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, counted(each)]));
}

/** A name without what hides in it; the API's texts come so. */
function visible(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
