import type { ReactElement } from 'react';
import { linesOf } from './lines-of.ts';

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
