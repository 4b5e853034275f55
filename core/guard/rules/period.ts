import type { Facts, PostingFact } from '../facts.ts';
import { type Ruling, refuse } from '../ruling.ts';

/** Nothing is posted into a locked period, and nothing without a person into one that is being closed. */
export function period({ posting, attended }: Facts): Ruling | null {
  if (!posting) return null;
  switch (posting.state) {
    case 'open':
      return null;
    case 'soft_closed':
      return { kind: attended ? 'approve' : 'propose', rule: 'period.soft_closed' };
    case 'locked':
      return refuse('period.locked', `${nameOf(posting)} is locked; post to an open period.`);
    case 'missing':
      return refuse('period.missing', `${nameOf(posting)} does not exist; post to an open period.`);
  }
}

function nameOf({ company, date, period, ledger }: PostingFact): string {
  return `The ${ledger} ledger's period ${period === null ? '' : `${period} `}of ${company} for ${date}`;
}
