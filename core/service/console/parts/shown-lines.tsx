import type { ReactElement } from 'react';

/**
 * Data as people are asked about it, a line a value: nothing is left out, shortened or made markup. A text from outside stays a text.
 */
export function ShownLines({ of }: { readonly of: unknown }): ReactElement {
  // Names come from outside as well, and may be there twice.
  const lines = linesOf(of, '').map((line, place) => ({ ...line, place }));
  if (lines.length === 0) return <p className="soft">Nothing is shown beside the question.</p>;
  return (
    <dl className="lines">
      {lines.map(({ label, text, place }) => (
        <div key={place}>
          <dt>{label}</dt>
          <dd>{text}</dd>
        </div>
      ))}
    </dl>
  );
}

interface Line {
  readonly label: string;
  readonly text: string;
}

function linesOf(value: unknown, label: string): readonly Line[] {
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

/** A name without what hides in it; the API's texts come so. */
function visible(name: string): string {
  return name.replace(/[\p{Cc}\p{Cf}]+/gu, ' ');
}
