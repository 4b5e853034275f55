import type { ReactElement, ReactNode } from 'react';

/** Says that there is nothing, and what to do about it. */
export function EmptyNote({ children }: { readonly children: ReactNode }): ReactElement {
  return <div className="note empty">{children}</div>;
}
