import { durationMs } from '../../base/duration.ts';
import type { Money } from '../../base/money.ts';
import { kindLabel } from '../../sdk/policy/policy.ts';
import type { Risk, Terms } from '../../sdk/policy/tier.ts';

/** What of an authority differs. */
export type Aspect = 'autonomy' | 'access' | 'duties' | 'tiers' | 'external';

/** Whether more may happen without people, or less. */
export type Direction = 'wider' | 'stricter';

/** One difference in what is decided; `*` in a name stands for all that no other name or pattern tells apart. */
export interface Change {
  readonly direction: Direction;
  readonly aspect: Aspect;
  readonly agents: readonly string[];
  readonly tools: readonly string[];
  /** Codes, `(group)` for runs over the whole group; null: wherever. */
  readonly companies: readonly string[] | null;
  /** From which amount on, where amounts tell. */
  readonly from: Money | null;
  readonly before: string;
  readonly after: string;
  /** All of it in a sentence. */
  readonly text: string;
}

/** A difference for one kind of call. */
export interface Found extends Pick<Change, 'direction' | 'aspect' | 'before' | 'after'> {
  readonly agent: string;
  readonly tool: string;
  readonly company?: string | null;
  readonly from?: Money | undefined;
}

/** Brings together what differs in the same way, in the order in which it was found. */
export function gathered(found: readonly Found[]): readonly Change[] {
  type Row = Omit<Change, 'text'>;
  const rows: readonly Row[] = found.map(({ agent, tool, company, from, ...own }) => ({
    ...own,
    agents: [kindLabel(agent)],
    tools: [kindLabel(tool)],
    companies: company === undefined ? null : [company === null ? '(group)' : kindLabel(company)],
    from: from ?? null,
  }));
  const join = (some: readonly Row[], member: 'agents' | 'tools' | 'companies'): readonly Row[] => {
    const groups = Map.groupBy(some, ({ [member]: _, ...rest }) => JSON.stringify(rest));
    return [...groups.values()].map((group) => {
      const all = group.flatMap((each) => each[member] ?? []);
      const [first] = group as [Row];
      return { ...first, [member]: first[member] === null ? null : [...new Set(all)].toSorted() };
    });
  };
  const joined = join(join(join(rows, 'companies'), 'tools'), 'agents');
  return joined.map((row) => ({ ...row, text: sentenceOf(row) }));
}

function sentenceOf(change: Omit<Change, 'text'>): string {
  const { aspect, before, after, companies, from } = change;
  const [agents, tools] = [change.agents.join(', '), change.tools.join(', ')];
  const where = companies === null ? '' : ` in ${companies.join(', ')}`;
  switch (aspect) {
    case 'autonomy':
      return `${agents} may ${after} with ${tools}${where}; before: ${before}`;
    case 'access':
      return `${agents} ${after} ${tools} of other modules`;
    case 'duties':
      return `${tools}: ${after}; before: ${before}`;
    case 'tiers': {
      const on = from === null ? '' : ` from ${from.amount} ${from.currency} on`;
      return `${agents} with ${tools}${where}${on}: ${after}; before: ${before}`;
    }
    case 'external':
      return `${agents} with ${tools} after text from outside: ${after}; before: ${before}`;
  }
}

/** What tiers ask for, in words. `refused`: nobody can say whose word counts. */
export function termsLabel(asked: Terms | 'refused' | null): string {
  if (asked === null) return 'no tier asks anybody';
  if (asked === 'refused') return 'it is refused without an exchange rate';
  const { by, required, expiresMs, escalate } = asked;
  const later = escalate
    ? `, after ${daysOf(escalate.afterMs)} ${escalate.to.join(' or ')}, too`
    : '';
  return `${required} of ${by.join(' or ')} within ${daysOf(expiresMs)}${later}`;
}

const dayMs = durationMs('P1D');

function daysOf(ms: number): string {
  return ms % dayMs === 0 ? `${ms / dayMs} days` : `${Math.round(ms / 60_000)} minutes`;
}

/** All that tiers are compared in. */
export const allRisks: readonly Risk[] = ['low', 'normal', 'high'];
