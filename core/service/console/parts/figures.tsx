import type { ReactElement, ReactNode } from 'react';

/** A figure with what it says, and where there is more about it. */
export interface Figure {
  readonly name: string;
  readonly value: ReactNode;
  readonly note?: ReactNode;
  readonly href?: string;
}

/** Figures in a row. */
export function Figures({ of }: { readonly of: readonly Figure[] }): ReactElement {
  return (
    <dl className="figures">
      {of.map(({ name, value, note, href }) => (
        <div key={name}>
          <dt>{href ? <a href={href}>{name}</a> : name}</dt>
          <dd className="value">{value}</dd>
          {note !== undefined && <dd className="soft">{note}</dd>}
        </div>
      ))}
    </dl>
  );
}
