import { checkOf } from '../../guard/rules/labels.ts';
import {
  autonomyOf,
  type DutyRule,
  type Grant,
  kindsOf,
  levels,
  matches,
  type Policy,
} from '../../sdk/policy/policy.ts';
import type { ExternalGrant, Risk, Tier } from '../../sdk/policy/tier.ts';
import { isReversal } from '../../sdk/reversal.ts';
import {
  type Aspect,
  allRisks,
  type Change,
  type Direction,
  type Found,
  gathered,
  termsLabel,
} from './change.ts';
import { amountsOf, askedBy, directionsOf, type TierCall } from './tier-change.ts';

/** Which calls are compared. */
export interface Space {
  readonly agents: (patterns: readonly string[]) => readonly string[];
  readonly tools: (agent: string, patterns: readonly string[]) => readonly string[];
  readonly companies: (patterns: readonly string[]) => readonly string[];
  /** What an agent's tool can do, as far as decisions depend on it. */
  readonly kindOf: (
    agent: string,
    tool: string,
  ) => {
    readonly aspects: readonly Aspect[];
    readonly risks: readonly Risk[];
    readonly movesMoney: boolean;
  };
}

/** Every call that there can ever be: one of each kind that the policies tell apart. */
const everyCall: Space = {
  agents: kindsOf,
  tools: (_, patterns) => kindsOf(patterns),
  companies: kindsOf,
  kindOf: () => ({
    aspects: ['autonomy', 'access', 'tiers', 'external'],
    risks: allRisks,
    movesMoney: true,
  }),
};

/** So many pairs of agent and tool are compared; whatever has more counts as wider. */
const mostPairs = 20_000;

/** What a policy says about some calls, and in which of the two it stands. */
interface Said {
  readonly aspect: Exclude<Aspect, 'duties'>;
  readonly scope: { readonly agents?: readonly string[]; readonly tools?: readonly string[] };
  readonly what: Grant | ExternalGrant | Tier | object;
  readonly inBefore: boolean;
  readonly inAfter: boolean;
}

/** A kind of call, and all that is said about it. */
interface Cell {
  readonly agent: string;
  readonly tool: string;
  readonly said: readonly Said[];
  readonly space: Space;
  /** What has been found of tiers, by all that it depends on: most agents and tools are under the same few. */
  readonly tierMoves: Map<string, readonly TierMove[]>;
}

/** In which direction what tiers ask has moved, from which amount on. */
type TierMove = Pick<Found, 'direction' | 'from' | 'before' | 'after'>;

/**
 * What is decided otherwise under other policies, all of those that count together: what is wider and what is stricter. What people have set
 * at run time (`autonomy`, `access`) is left aside: it may be taken back. Pure.
 */
export function differenceOf(
  before: readonly Policy[],
  after: readonly Policy[],
  space: Space = everyCall,
): readonly Change[] {
  const said = saidIn(before, after);
  const found: Found[] = [...dutiesFound(before, after)];
  const tierMoves: Cell['tierMoves'] = new Map();
  let pairs = 0;
  for (const agent of space.agents(said.flatMap(({ scope }) => scope.agents ?? []))) {
    const own = said.filter(({ scope }) => matches(scope.agents, agent));
    if (!own.some(isOther)) continue;
    const patterns = own.flatMap(({ scope }) => scope.tools ?? []);
    for (const tool of space.tools(agent, patterns)) {
      pairs += 1;
      if (pairs > mostPairs) return gathered([...found, tooMany]);
      const about = own.filter(({ scope }) => matches(scope.tools, tool));
      if (!about.some(isOther)) continue;
      found.push(...foundIn({ agent, tool, said: about, space, tierMoves }));
    }
  }
  return gathered(found);
}

const tooMany: Found = {
  ...{ direction: 'wider', aspect: 'autonomy', agent: '*', tool: '*' },
  ...{ before: 'as it was', after: 'do more than can be compared' },
};

function isOther({ inBefore, inAfter }: Said): boolean {
  return inBefore !== inAfter;
}

function saidIn(before: readonly Policy[], after: readonly Policy[]): readonly Said[] {
  const known = new Map<string, Said>();
  const add = (policies: readonly Policy[], side: 'inBefore' | 'inAfter'): void => {
    for (const { grants, access = [], tiers = [], external = [] } of policies)
      for (const [aspect, all] of [
        ['autonomy', grants],
        ['access', access],
        ['tiers', tiers],
        ['external', external],
      ] as const)
        for (const what of all) {
          const key = JSON.stringify([aspect, what]);
          const there = known.get(key) ?? {
            aspect,
            scope: what,
            what,
            inBefore: false,
            inAfter: false,
          };
          known.set(key, { ...there, [side]: true });
        }
  };
  add(before, 'inBefore');
  add(after, 'inAfter');
  return [...known.values()];
}

const lookers = {
  autonomy: autonomyFound,
  access: accessFound,
  tiers: tiersFound,
  external: externalFound,
};

function foundIn(cell: Cell): readonly Found[] {
  const { aspects } = cell.space.kindOf(cell.agent, cell.tool);
  return (Object.keys(lookers) as (keyof typeof lookers)[]).flatMap((aspect) => {
    const said = cell.said.filter((each) => each.aspect === aspect);
    return aspects.includes(aspect) && said.some(isOther) ? lookers[aspect]({ ...cell, said }) : [];
  });
}

/** What is said before, or after. */
function sideOf<T>(said: readonly Said[], side: 'inBefore' | 'inAfter'): readonly T[] {
  return said.filter((each) => each[side]).map(({ what }) => what as T);
}

function autonomyFound({ agent, tool, said, space }: Cell): readonly Found[] {
  const [before, after] = (['inBefore', 'inAfter'] as const).map((side) => {
    const policies = [
      { kind: 'policy', name: 'compared', grants: sideOf<Grant>(said, side) } as const,
    ];
    return (company: string | null) => autonomyOf({ agent, tool, company, policies });
  }) as [LevelIn, LevelIn];
  const patterns = said.flatMap(({ what }) => (what as Grant).companies ?? []);
  const companies = [null, ...space.companies(patterns)];
  const all = companies.map((company) => ({
    company,
    before: before(company),
    after: after(company),
  }));
  const isEverywhere = new Set(all.map((each) => `${each.before} ${each.after}`)).size === 1;
  return all
    .filter((each) => each.before !== each.after)
    .slice(0, isEverywhere ? 1 : all.length)
    .map(({ company, ...levelled }) => ({
      ...{ aspect: 'autonomy', agent, tool, ...levelled },
      ...(!isEverywhere && { company }),
      direction:
        levels.indexOf(levelled.after) > levels.indexOf(levelled.before) ? 'wider' : 'stricter',
    }));
}

type LevelIn = (company: string | null) => ReturnType<typeof autonomyOf>;

function accessFound({ agent, tool, said }: Cell): readonly Found[] {
  const [had, has] = [said.some(({ inBefore }) => inBefore), said.some(({ inAfter }) => inAfter)];
  if (had === has) return [];
  const words = (may: boolean): string => (may ? 'may call' : 'may not call');
  const direction = has ? 'wider' : 'stricter';
  return [{ direction, aspect: 'access', agent, tool, before: words(had), after: words(has) }];
}

const externalWords = {
  master_data: 'what master data confirms happens, the rest is refused',
  none: 'nobody is asked',
} as const;

function externalFound({ agent, tool, said }: Cell): readonly Found[] {
  const checkIn = (side: 'inBefore' | 'inAfter'): ExternalGrant['check'] | null => {
    const external = sideOf<ExternalGrant>(said, side);
    return checkOf({
      agent,
      tool,
      policies: [{ kind: 'policy', name: 'compared', grants: [], external }],
    });
  };
  const [from, to] = [checkIn('inBefore'), checkIn('inAfter')];
  const [before, after] = [from, to].map((each) =>
    each ? externalWords[each] : 'people are asked',
  );
  const found = {
    aspect: 'external',
    agent,
    tool,
    before: before ?? '',
    after: after ?? '',
  } as const;
  return externalDirections(from, to).map((direction) => ({ ...found, direction }));
}

/** Where master data is asked, what it confirms happens without people, and what it does not is refused instead of asked. */
function externalDirections(
  from: ExternalGrant['check'] | null,
  to: ExternalGrant['check'] | null,
): readonly Direction[] {
  if (from === to) return [];
  if (from !== 'none' && to !== 'none') return ['wider', 'stricter'];
  return [to === 'none' ? 'wider' : 'stricter'];
}

function tiersFound(cell: Cell): readonly Found[] {
  const { agent, tool, said, space, tierMoves } = cell;
  const { risks, movesMoney } = space.kindOf(agent, tool);
  const key = JSON.stringify([said, risks, movesMoney, isReversal({ tool })]);
  const moves = tierMoves.get(key) ?? tierMovesOf(cell);
  tierMoves.set(key, moves);
  return moves.map((move) => ({ aspect: 'tiers', agent, tool, ...move }));
}

/** The first call of each direction tells it. */
function tierMovesOf({ agent, tool, said, space }: Cell): readonly TierMove[] {
  const { risks, movesMoney } = space.kindOf(agent, tool);
  const [before, after] = [sideOf<Tier>(said, 'inBefore'), sideOf<Tier>(said, 'inAfter')];
  const amounts = movesMoney ? amountsOf([...before, ...after]) : [null];
  if (amounts === null) {
    const words = {
      before: 'tiers in more than two currencies',
      after: 'others, which counts as wider',
    };
    return [{ direction: 'wider', ...words }];
  }
  const patterns = said.flatMap(({ what }) => (what as Tier).companies ?? []);
  const known = new Map<Direction, TierMove>();
  const calls = tierCalls(
    { agent, tool },
    { companySets: companySets(patterns, space), risks, amounts },
  );
  for (const call of calls) {
    const [asked, asks] = [askedBy(before, call), askedBy(after, call)];
    for (const direction of directionsOf(asked, asks)) {
      if (known.has(direction)) continue;
      const words = { before: termsLabel(asked), after: termsLabel(asks) };
      known.set(direction, { direction, from: call.amount?.money, ...words });
    }
    if (known.size === 2) break;
  }
  return [...known.values()];
}

function* tierCalls(
  named: Pick<TierCall, 'agent' | 'tool'>,
  of: {
    readonly companySets: readonly TierCall['companies'][];
    readonly risks: readonly Risk[];
    readonly amounts: readonly TierCall['amount'][];
  },
): Generator<TierCall> {
  for (const companies of of.companySets)
    for (const risk of of.risks)
      for (const amount of of.amounts) yield { ...named, companies, risk, amount };
}

/** A run has a company or none, and may post to the books of another. */
function companySets(patterns: readonly string[], space: Space): readonly (readonly string[])[] {
  if (patterns.length === 0) return [[]];
  const companies = space.companies(patterns);
  const pairs = companies.flatMap((one, index) =>
    companies.slice(index + 1).map((other) => [one, other]),
  );
  return [[], ...companies.map((each) => [each]), ...pairs];
}

function dutiesFound(before: readonly Policy[], after: readonly Policy[]): readonly Found[] {
  const [had, has] = [rulesOf(before), rulesOf(after)];
  const one = { aspect: 'duties', agent: '*' } as const;
  const apart = ({ reason }: DutyRule): string => `different hands (${reason})`;
  const gone = [...had].filter(([pair]) => !has.has(pair));
  const added = [...has].filter(([pair]) => !had.has(pair));
  return [
    ...gone.map(([tool, rule]): Found => {
      return {
        ...one,
        tool,
        direction: 'wider',
        before: apart(rule),
        after: 'one hand may do both',
      };
    }),
    ...added.map(([tool, rule]): Found => {
      return {
        ...one,
        tool,
        direction: 'stricter',
        before: 'one hand might do both',
        after: apart(rule),
      };
    }),
  ];
}

/** By the two duties in a fixed order: a pair has none. */
function rulesOf(policies: readonly Policy[]): ReadonlyMap<string, DutyRule> {
  const rules = policies.flatMap(({ duties = [] }) => duties);
  return new Map(rules.map((rule) => [rule.pair.toSorted().join(' and '), rule]));
}
