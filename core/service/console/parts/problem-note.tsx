import type { ReactElement } from 'react';
import type { Problem } from '../api/problem.ts';

/** Why something was refused or is not there: its code and what the API says, and how to try again where that may help. */
export function ProblemNote({
  problem,
  onRetry,
}: {
  readonly problem: Problem;
  readonly onRetry?: () => void;
}): ReactElement {
  return (
    <div className="note problem" role="alert">
      <p>
        <code>{problem.code}</code> {problem.message}
      </p>
      {onRetry && (
        <button type="button" className="button" onClick={onRetry}>
          Try again
        </button>
      )}
    </div>
  );
}
