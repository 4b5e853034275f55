import type { Facts } from './facts.ts';
import { listed, sameModule } from './rules/access.ts';
import { autonomy } from './rules/autonomy.ts';
import { duties } from './rules/duties.ts';
import { period } from './rules/period.ts';
import type { Rule, Ruling } from './ruling.ts';

/** What becomes of a call. `observe`: nothing, but for a note of what `would` have without a rehearsal. */
export type Decision =
  | Ruling
  | {
      readonly kind: 'observe';
      readonly rule: 'rehearsal';
      readonly would: 'write' | 'propose' | 'approve';
    };

// Each rule answers or abstains. All are asked and the strictest answer wins; order only settles ties.
const rules: readonly Rule[] = [listed, sameModule, duties, period, autonomy];
const strictness = { allow: 0, propose: 1, approve: 2, refuse: 3 } as const;

/** Decides one tool call. Pure: the same facts give the same decision. */
export function decide(facts: Facts): Decision {
  const ruling = strictestOf(facts);
  // In a rehearsal, what would be allowed is only observed, and what would be refused is refused.
  if (!facts.rehearsal || facts.effect === 'read' || ruling.kind === 'refuse') return ruling;
  const would = ruling.kind === 'allow' ? 'write' : ruling.kind;
  return { kind: 'observe', rule: 'rehearsal', would };
}

function strictestOf(facts: Facts): Ruling {
  let strictest: Ruling = { kind: 'allow', rule: 'default' };
  for (const rule of rules) {
    const decision = rule(facts);
    if (
      decision &&
      (strictest.rule === 'default' || strictness[decision.kind] > strictness[strictest.kind])
    ) {
      strictest = decision;
    }
  }
  return strictest;
}
