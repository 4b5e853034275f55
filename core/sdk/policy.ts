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

/** Two duty classes that must be in different hands, in either order; the same one twice is the two-person rule. */
export interface DutyRule {
  readonly pair: readonly [string, string];
  /** Why, in a few words for whoever is refused: `whoever creates vendors could pay themselves`. */
  readonly reason: string;
}

/** Who may do what: grants of autonomy and of access to tools, and what must be in different hands. The strictest grant that matches wins. */
export interface Policy {
  readonly kind: 'policy';
  readonly name: string;
  readonly grants: readonly Grant[];
  /** Tools of other modules that agents of this module may use, by name or pattern. */
  readonly access?: readonly {
    readonly agents: readonly string[];
    readonly tools: readonly string[];
  }[];
  /** Duties of tools that no one actor may have at one document; those of all policies count together. */
  readonly duties?: readonly DutyRule[];
}

/** Declares a policy; it is validated when its module loads. */
export function definePolicy(policy: Omit<Policy, 'kind'>): Policy {
  return Object.freeze({ kind: 'policy', ...policy });
}

/** Whether a name fits one of the patterns: names with `*` for any rest. No list fits every name. */
function matches(patterns: readonly string[] | undefined, name: string): boolean {
  return (
    patterns === undefined ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  );
}

/** Whether a policy gives an agent access to a tool of another module. */
export function hasAccess(
  policies: readonly Policy[],
  { agent, tool }: { readonly agent: string; readonly tool: string },
): boolean {
  return policies.some((policy) =>
    policy.access?.some((grant) => matches(grant.agents, agent) && matches(grant.tools, tool)),
  );
}

const levels: readonly Autonomy[] = ['observe', 'propose', 'approve', 'act'];

/** The strictest level of all grants that match the call; `propose` where none does. */
export function autonomyOf(facts: {
  readonly agent: string;
  readonly tool: string;
  readonly company: string | null;
  readonly policies: readonly Policy[];
}): Autonomy {
  const granted = facts.policies
    .flatMap((policy) => policy.grants)
    .filter(
      (grant) =>
        matches(grant.agents, facts.agent) &&
        matches(grant.tools, facts.tool) &&
        (grant.companies === undefined ||
          (facts.company !== null && matches(grant.companies, facts.company))),
    )
    .map((grant) => grant.autonomy);
  return levels.find((level) => granted.includes(level)) ?? 'propose';
}
