import type { ReactElement } from 'react';
import { wordsText } from './text-of.ts';

const tones: Readonly<Record<string, string>> = {
  ...{ succeeded: 'good', granted: 'good', consumed: 'good', applied: 'good', resolved: 'good' },
  ...{ failed: 'bad', refused: 'bad', lost: 'bad', critical: 'bad', rejected: 'bad' },
  ...{ partial: 'warn', cancelled: 'warn', paused: 'warn', expired: 'warn', high: 'warn' },
  ...{ conflict: 'warn', uncertain: 'warn', needs_review: 'warn' },
  ...{ left_alone: 'bad', slowed: 'warn', normal: 'good' },
  ...{ running: 'busy', live: 'busy', open: 'busy' },
};

/** A state, by its word and a mark that differs in shape as well as in colour. */
export function StateMark({ state }: { readonly state: string }): ReactElement {
  return (
    <span className={`state ${tones[state] ?? 'calm'}`}>
      <span className="dot" aria-hidden="true" />
      {wordsText(state)}
    </span>
  );
}
