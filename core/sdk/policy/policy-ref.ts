import { digest } from '../../base/ids.ts';
import type { Policy } from './policy.ts';

/** Which policy has decided: by the number of the version in force, or by the digest of what the code says, 16 hex digits. */
export type PolicyRef =
  | { readonly name: string; readonly version: number }
  | { readonly name: string; readonly digest: string };

/** What of a decision the record names: the rule, and the policy that says so, where one does. */
export interface Decided {
  readonly rule: string;
  readonly policy?: PolicyRef;
}

// Policies never change; the digest is asked for at every decision.
const refs = new WeakMap<Policy, PolicyRef>();

/** How the record names a policy. */
export function refOf(policy: Policy): PolicyRef {
  const known = refs.get(policy);
  if (known) return known;
  const { name, version } = policy;
  const made =
    version === undefined
      ? { name, digest: digest(policy).toString('hex').slice(0, 16) }
      : { name, version };
  refs.set(policy, made);
  return made;
}

/** How people are told which policy it is: `payables v3`, or `payables` for what the code says. */
export function policyLabel({ name, version }: Pick<Policy, 'name' | 'version'>): string {
  return version === undefined ? name : `${name} v${version}`;
}
