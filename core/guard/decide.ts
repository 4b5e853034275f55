import { durationMs } from '../base/duration.ts';
import type { Policy } from '../sdk/policy/policy.ts';
import { type Decided, refOf } from '../sdk/policy/policy-ref.ts';
import type { Terms } from '../sdk/policy/tier.ts';
import type { Facts } from './facts.ts';
import { listed, sameModule } from './rules/access.ts';
import { autonomy } from './rules/autonomy.ts';
import { duties } from './rules/duties.ts';
import { labels } from './rules/labels.ts';
import { period } from './rules/period.ts';
import { tier } from './rules/tier.ts';
import type { Rule, Ruling } from './ruling.ts';

/**
 * What becomes of a call. `approve`: it waits until people agree to it. `propose`: it is left for them. `observe`: nothing, but for
 * a note of what `would` have without a rehearsal or a shadow.
 */
export type Decision =
  | Extract<Ruling, { readonly kind: 'allow' | 'refuse' }>
  | {
      readonly kind: 'propose' | 'approve';
      readonly rule: string;
      readonly policy?: Policy | undefined;
      /** What the tiers ask together, also where another rule has settled it. */
      readonly terms: Terms;
    }
  | {
      readonly kind: 'observe';
      readonly rule: 'rehearsal' | 'shadow';
      readonly policy?: Policy | undefined;
      readonly would: 'write' | 'propose' | 'approve';
    };

// Each rule answers or abstains. All are asked and the strictest answer wins; order only settles ties.
const rules: readonly Rule[] = [listed, sameModule, duties, period, labels, autonomy, tier];
/** Those of an agent's rights: whoever has handed the work on needs them as well. Its tools are its own, and tiers look at all by themselves. */
const rights: readonly Rule[] = [labels, autonomy];
// An agent that may only propose goes no further because somebody asks for an approval, too.
const strictness = { allow: 0, approve: 1, propose: 2, refuse: 3 } as const;

/** What the record names of a decision. */
export function decidedIn({ rule, policy }: Decision): Decided {
  return { rule, ...(policy && { policy: refOf(policy) }) };
}

/** Who is asked where no tier says so. */
const defaultTerms: Terms = {
  tier: 'default',
  by: ['approver'],
  required: 1,
  expiresMs: durationMs('P7D'),
};

/** Decides one tool call. Pure: the same facts give the same decision. */
export function decide(facts: Facts): Decision {
  const own = rules.flatMap((rule) => rule(facts) ?? []);
  const lent = (facts.delegators ?? []).flatMap((agent) =>
    rights.flatMap((rule) => rule({ ...facts, agent }) ?? []),
  );
  const rulings = [...own, ...lent];
  const ruling = strictestOf(rulings);
  if (ruling.kind === 'refuse') return ruling;
  if (facts.effect === 'read') return { kind: 'allow', rule: ruling.rule };
  // What would be allowed or asked is only observed, and what would be refused is refused.
  if (facts.rehearsal || facts.shadow) {
    const would = ruling.kind === 'allow' ? 'write' : ruling.kind;
    const rule = facts.rehearsal ? 'rehearsal' : 'shadow';
    return { kind: 'observe', rule, would, ...(ruling.policy && { policy: ruling.policy }) };
  }
  return ruling.kind === 'allow' ? ruling : { ...ruling, terms: termsOf(rulings) };
}

function strictestOf(rulings: readonly Ruling[]): Ruling {
  const [first = { kind: 'allow', rule: 'default' }, ...rest] = rulings;
  return rest.reduce(
    (one, other) => (strictness[other.kind] > strictness[one.kind] ? other : one),
    first,
  );
}

/** What people are asked, whichever rule asks for them. */
function termsOf(rulings: readonly Ruling[]): Terms {
  return rulings.flatMap((each) => ('terms' in each && each.terms) || [])[0] ?? defaultTerms;
}
