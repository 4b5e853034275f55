import type { ErrorCode } from '../base/errors.ts';
import type { Policy } from '../sdk/policy/policy.ts';
import type { Terms } from '../sdk/policy/tier.ts';
import type { Facts } from './facts.ts';

/**
 * What a rule says of a call; `rule` names it, for the journal and for people. `terms`: whom tiers ask; no other rule has any. `policy`: the
 * one that says so, where one does.
 */
export type Ruling = (
  | { readonly kind: 'allow'; readonly rule: string }
  | { readonly kind: 'propose' | 'approve'; readonly rule: string; readonly terms?: Terms }
  | {
      readonly kind: 'refuse';
      readonly rule: string;
      readonly code: ErrorCode;
      readonly reason: string;
    }
) & { readonly policy?: Policy | undefined };

/** Answers or abstains. Pure: the same facts give the same answer. */
export type Rule = (facts: Facts) => Ruling | null;

/** A refusal that whoever called can read. */
export function refuse(
  rule: string,
  reason: string,
  policy?: Policy,
): Extract<Ruling, { kind: 'refuse' }> {
  return { kind: 'refuse', rule, code: 'TOOL_REFUSED', reason, ...(policy && { policy }) };
}
