import type { ReactElement, ReactNode } from 'react';

/** A column of a table. */
export interface Column<T> {
  readonly head: string;
  /** `number` stands to the right; `aside` is left out where there is little room. @default text */
  readonly kind?: 'number' | 'aside';
  readonly cell: (row: T) => ReactNode;
}

/** A table; the first column names its rows. */
export function Table<T>({
  label,
  columns,
  rows,
  keyOf,
}: {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string | number;
}): ReactElement {
  const [first, ...others] = columns;
  return (
    <div className="scroll">
      <table>
        <caption className="unseen">{label}</caption>
        <thead>
          <tr>
            {columns.map(({ head, kind }) => (
              <th key={head} scope="col" className={kind}>
                {head}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr key={keyOf(row)}>
              <th scope="row">{first?.cell(row)}</th>
              {others.map(({ head, kind, cell }) => (
                <td key={head} className={kind} data-head={head}>
                  {cell(row)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
