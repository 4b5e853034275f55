import { type Reach, reachOf } from '../delegates.ts';
import type { RegisteredAgent } from '../registered-agent.ts';
import type { AnyTool } from '../tool.ts';
import { autonomyOf, type DutyRule, kindsOf, type Policy } from './policy.ts';

/** An agent with two tools of which it may use only one. */
export interface DutyConflict {
  /** Qualified: `finance.payer`. */
  readonly agent: string;
  readonly module: string;
  readonly tools: readonly [AnyTool, AnyTool];
  readonly rule: DutyRule;
}

/** The rule that keeps two duties in different hands, whichever came first; null where they may meet. */
export function incompatible(
  policies: readonly Policy[],
  one: string,
  other: string,
): DutyRule | null {
  const rules = policies.flatMap(({ duties }) => duties ?? []);
  return rules.find(({ pair: [a, b] }) => isPair([one, other], [a, b])) ?? null;
}

/** The duties that must not meet a duty at one document; none where no rule names it. */
export function dutiesAgainst(policies: readonly Policy[], duty: string): readonly string[] {
  const rules = policies.flatMap(({ duties }) => duties ?? []);
  const others = rules.flatMap(({ pair: [a, b] }) => [
    ...(a === duty ? [b] : []),
    ...(b === duty ? [a] : []),
  ]);
  return [...new Set(others)];
}

/**
 * The agents that grants would let do, by themselves, what must be in different hands. An agent is one where it lists two tools of
 * incompatible duties and, in some company or in a run over all of them, may go beyond a proposal with each; what agents can do to whom
 * it hands work counts as its own, as far as both may. Two tools of one duty are
 * none, whatever the two-person rule: that is about two acts, and each of the two persons needs the tool. To be called
 * with the policies as they would be, before a change of grants or of rules is taken over.
 */
export function dutyConflicts(
  agents: readonly Pick<RegisteredAgent, 'name' | 'module' | 'agent' | 'delegates'>[],
  policies: readonly Policy[],
): readonly DutyConflict[] {
  return agents.flatMap((each) => {
    const reached = reachOf(each).filter(
      ({ tool }) => tool.duty !== undefined && tool.effect !== 'read',
    );
    return pairsOf(reached).flatMap(([one, other]) => {
      const [first = '', second = ''] = [one.tool.duty, other.tool.duty];
      const rule = first === second ? null : incompatible(policies, first, second);
      const isFree = ({ tool, way }: Reach) =>
        way.every((agent) => mayGoBeyondProposals({ agent, tool: tool.name, policies }));
      if (!rule || !isFree(one) || !isFree(other)) return [];
      const { name: agent, module } = each;
      return [{ agent, module, tools: [one.tool, other.tool] as const, rule }];
    });
  });
}

/** Whether there can be a company in which the grants let an agent do more with a tool than propose. */
export function mayGoBeyondProposals(asked: {
  readonly agent: string;
  readonly tool: string;
  readonly policies: readonly Policy[];
}): boolean {
  return companiesToTell(asked.policies).some((company) =>
    ['approve', 'act'].includes(autonomyOf({ ...asked, company })),
  );
}

/** One company of each kind that the grants tell apart, and no company at all. */
function companiesToTell(policies: readonly Policy[]): readonly (string | null)[] {
  const grants = policies.flatMap((policy) => policy.grants);
  return [null, ...kindsOf(grants.flatMap(({ companies }) => companies ?? []))];
}

function isPair(wanted: readonly [string, string], [a, b]: readonly [string, string]): boolean {
  const [one, other] = wanted;
  return (a === one && b === other) || (a === other && b === one);
}

function pairsOf<T>(items: readonly T[]): readonly (readonly [T, T])[] {
  return items.flatMap((one, index) =>
    items.slice(index + 1).map((other) => [one, other] as const),
  );
}
