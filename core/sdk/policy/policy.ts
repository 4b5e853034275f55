import type { ExternalGrant, Tier } from './tier.ts';

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
  /** Of one that people have put in force: its number. @default the code says it */
  readonly version?: number;
  readonly grants: readonly Grant[];
  /** Tools of other modules that agents of this module may use, by name or pattern; `agent:finance.clerk` is an agent to hand work to. */
  readonly access?: readonly {
    readonly agents: readonly string[];
    readonly tools: readonly string[];
  }[];
  /** Duties of tools that no one actor may have at one document; those of all policies count together. */
  readonly duties?: readonly DutyRule[];
  /** Who must agree to which writes; those of all policies count together. */
  readonly tiers?: readonly Tier[];
  /** Who may write after reading text from outside. @default nobody without an approval */
  readonly external?: readonly ExternalGrant[];
}

/** Declares a policy; it is validated when its module loads. */
export function definePolicy(policy: Omit<Policy, 'kind' | 'version'>): Policy {
  return Object.freeze({ kind: 'policy', ...policy });
}

/** Whether a name fits one of the patterns: names with `*` for any rest. No list fits every name. */
export function matches(patterns: readonly string[] | undefined, name: string): boolean {
  return (
    patterns === undefined ||
    patterns.some((pattern) =>
      pattern.endsWith('*') ? name.startsWith(pattern.slice(0, -1)) : name === pattern,
    )
  );
}

// No name holds it, so one that ends with it fits the patterns of its beginning and no other.
const strange = '\u{10FFFF}';

/**
 * One name of each kind that patterns tell apart: those that they name, for each pattern one that nothing longer fits, and one that fits
 * none. What holds for these holds for every name there can ever be.
 */
export function kindsOf(patterns: readonly string[]): readonly string[] {
  const named = patterns.map((pattern) =>
    pattern.endsWith('*') ? `${pattern.slice(0, -1)}${strange}` : pattern,
  );
  return [...new Set([strange, ...named])];
}

/** How people are told of a kind: `finance.*` stands for what no other pattern or name says. */
export function kindLabel(kind: string): string {
  return kind.endsWith(strange) ? `${kind.slice(0, -strange.length)}*` : kind;
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

/** The levels, the strictest first. */
export const levels: readonly Autonomy[] = ['observe', 'propose', 'approve', 'act'];

/** The call that grants are compared with. */
interface Asked {
  readonly agent: string;
  readonly tool: string;
  readonly company: string | null;
}

/** Whether a grant is about a call; one for some companies is about no run over the whole group. */
function isAbout(
  { agents, tools, companies }: Omit<Grant, 'autonomy'>,
  { agent, tool, company }: Asked,
): boolean {
  return (
    matches(agents, agent) &&
    matches(tools, tool) &&
    (companies === undefined || (company !== null && matches(companies, company)))
  );
}

/** Whether a call may be one that a grant is about: a run over the whole group may be about any company. */
export function mayBeAbout(grant: Omit<Grant, 'autonomy'>, asked: Asked): boolean {
  const { companies: _, ...anywhere } = grant;
  return isAbout(asked.company === null ? anywhere : grant, asked);
}

/**
 * The strictest level of all grants that match the call; `propose` where none does. `autonomy`: grants set at run time; where one of
 * them matches, what policies grant does not count. What is held back in some companies is held back in a run over the whole group,
 * and what is granted in some is not granted there.
 */
export function autonomyOf({
  policies,
  autonomy = [],
  ...asked
}: Asked & {
  readonly policies: readonly Policy[];
  readonly autonomy?: readonly Grant[];
}): Autonomy {
  const granted = policies.flatMap((policy) => policy.grants);
  return strictestOf(autonomy, asked, strictestOf(granted, asked, 'propose'));
}

/** Who says that a call has a level: the policies with a grant of it, the settings of run time, or nobody: it is the default. */
export function grantersOf(
  level: Autonomy,
  {
    policies,
    autonomy = [],
    ...asked
  }: Asked & { readonly policies: readonly Policy[]; readonly autonomy?: readonly Grant[] },
): readonly Policy[] | 'setting' | 'default' {
  const isSet = autonomy.some((grant) => isAbout(grant, asked));
  if (isSet || level !== autonomyOf({ ...asked, policies })) return 'setting';
  const granters = policies.filter(({ grants }) =>
    grants.some((grant) => grant.autonomy === level && mayBeAbout(grant, asked)),
  );
  return granters.length > 0 ? granters : 'default';
}

/** `usual`: what counts where no grant is surely about the call. */
function strictestOf(grants: readonly Grant[], asked: Asked, usual: Autonomy): Autonomy {
  const isSure = grants.some((grant) => isAbout(grant, asked));
  const granted = grants.filter((grant) => mayBeAbout(grant, asked));
  const all = [...(isSure ? [] : [usual]), ...granted.map(({ autonomy }) => autonomy)];
  return levels.find((level) => all.includes(level)) ?? usual;
}
