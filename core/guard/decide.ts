import type { ErrorCode } from '../base/errors.ts';
import type { Autonomy, Policy } from '../sdk/policy.ts';
import type { Effect } from '../sdk/tool.ts';

/** A tool call as the rules see it: who asks for what, and everything that bears on the answer. */
export interface Facts {
  /** Qualified: `finance.three_way_match`. */
  readonly agent: string;
  readonly agentModule: string;
  readonly tool: string;
  readonly toolModule: string;
  readonly effect: Effect;
  /** Whether the agent's declaration lists the tool. */
  readonly listed: boolean;
  readonly access: 'public' | 'module';
  /** Code of the run's company, or null for a run over the whole group. */
  readonly company: string | null;
  /** Whether a person waits for the run; unattended runs leave proposals instead of asking. */
  readonly attended: boolean;
  /** Whether nothing is to happen: effects are noted, with what would have become of them. */
  readonly rehearsal: boolean;
  readonly policies: readonly Policy[];
}

/** What the rules say of a call; `rule` names the row of the table that decided. */
type Ruling =
  | { readonly kind: 'allow'; readonly rule: string }
  | { readonly kind: 'propose'; readonly rule: string }
  | { readonly kind: 'approve'; readonly rule: string }
  | {
      readonly kind: 'refuse';
      readonly rule: string;
      readonly code: ErrorCode;
      readonly reason: string;
    };

/** What becomes of a call. `observe`: nothing, but for a note of what `would` have without a rehearsal. */
export type Decision =
  | Ruling
  | {
      readonly kind: 'observe';
      readonly rule: 'rehearsal';
      readonly would: 'write' | 'propose' | 'approve';
    };

type Rule = (facts: Facts) => Ruling | null;

// Each rule answers or abstains. All are asked and the strictest answer wins; order only settles ties.
const rules: readonly Rule[] = [listed, sameModule, autonomy];
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

function listed(facts: Facts): Ruling | null {
  if (facts.listed) return null;
  return refuse(
    'access.listed',
    `'${facts.agent}' does not list the tool '${facts.tool}'; add it to the agent's tools.`,
  );
}

function sameModule(facts: Facts): Ruling | null {
  if (facts.access === 'public' || facts.agentModule === facts.toolModule) return null;
  const granted = facts.policies.some((policy) =>
    policy.access?.some(
      (grant) => matches(grant.agents, facts.agent) && matches(grant.tools, facts.tool),
    ),
  );
  if (granted) return null;
  return refuse(
    'access.module',
    `'${facts.tool}' is for agents of '${facts.toolModule}'; a policy must give '${facts.agent}' access to it.`,
  );
}

function autonomy(facts: Facts): Ruling | null {
  if (facts.effect === 'read') return { kind: 'allow', rule: 'effect.read' };
  const level = autonomyOf(facts);
  const rule = `autonomy.${level}`;
  switch (level) {
    case 'observe':
      return refuse(rule, `'${facts.agent}' may only observe with '${facts.tool}'.`);
    case 'propose':
      return { kind: 'propose', rule };
    case 'approve':
      return facts.attended ? { kind: 'approve', rule } : { kind: 'propose', rule };
    case 'act':
      return { kind: 'allow', rule };
  }
}

const levels: readonly Autonomy[] = ['observe', 'propose', 'approve', 'act'];

/** The strictest level of all grants that match the call; `propose` where none does. */
export function autonomyOf(
  facts: Pick<Facts, 'agent' | 'tool' | 'company' | 'policies'>,
): Autonomy {
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

function matches(patterns: readonly string[] | undefined, name: string): boolean {
  return (
    patterns === undefined ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  );
}

function refuse(rule: string, reason: string): Ruling {
  return { kind: 'refuse', rule, code: 'TOOL_REFUSED', reason };
}
