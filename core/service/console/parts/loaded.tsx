import type { ReactElement, ReactNode } from 'react';
import type { Resource } from '../app/use-resource.ts';
import { ProblemNote } from './problem-note.tsx';

/** Shows what was read, also while newer is on its way; says why it does not come. */
export function Loaded<T>({
  from,
  children,
}: {
  readonly from: Resource<T>;
  readonly children: (data: T) => ReactNode;
}): ReactElement {
  const { data, problem, isLoading, refresh } = from;
  return (
    <div className="loaded" aria-busy={isLoading}>
      {problem && <ProblemNote problem={problem} onRetry={refresh} />}
      {data === undefined ? !problem && <p className="wait">Loading…</p> : children(data)}
    </div>
  );
}
