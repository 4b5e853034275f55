/**
 * How far an agent may go with a tool in a company: `observe` (its effects are refused and recorded), `propose` (stored for a
 * person, the default), `approve` (runs after an approval), `act`.
 */
export type Autonomy = 'observe' | 'propose' | 'approve' | 'act';

/** One grant. Patterns are names with `*` for any rest: `finance.*`. A missing list means all. */
export interface Grant {
  readonly agents?: readonly string[];
  readonly tools?: readonly string[];
  readonly companies?: readonly string[];
  readonly autonomy: Autonomy;
}

/** Who may do what: grants of autonomy and of access to tools. The strictest grant that matches wins. */
export interface Policy {
  readonly kind: 'policy';
  readonly name: string;
  readonly grants: readonly Grant[];
  /** Tools of other modules that agents of this module may use, by name or pattern. */
  readonly access?: readonly {
    readonly agents: readonly string[];
    readonly tools: readonly string[];
  }[];
}

/** Declares a policy; it is validated when its module loads. */
export function definePolicy(policy: Omit<Policy, 'kind'>): Policy {
  return Object.freeze({ kind: 'policy', ...policy });
}
