import assert from 'node:assert/strict';
import fc from 'fast-check';
import type { Change } from '../../../core/engine/policies/change.ts';
import { differenceOf } from '../../../core/engine/policies/difference.ts';
import { decide } from '../../../core/guard/decide.ts';
import type { Facts } from '../../../core/guard/facts.ts';
import { tier } from '../../../core/guard/rules/tier.ts';
import { definePolicy, Money } from '../../../core/index.ts';
import type { Autonomy, Grant, Policy } from '../../../core/sdk/policy/policy.ts';
import type { ExternalGrant, Tier } from '../../../core/sdk/policy/tier.ts';
import { verifies } from '../../support/verifies.ts';

/* A world in which every kind of name that the patterns tell apart has a name. */
const agents = ['a.x', 'a.y', 'a.other', 'b.x', 'b.other', 'other'];
const tools = ['t.p', 't.q', 't.other', 'u.p', 'other'];
const companies = ['C1', 'C2', 'Cother', 'D1', 'other'];
const risks = ['low', 'normal', 'high'] as const;
const order: readonly Autonomy[] = ['observe', 'propose', 'approve', 'act'];

const someOf = (patterns: readonly string[]) =>
  fc.option(fc.uniqueArray(fc.constantFrom(...patterns), { minLength: 1, maxLength: 2 }), {
    nil: undefined,
  });
const scope = {
  agents: someOf(['a.x', 'a.y', 'b.x', 'a.*', 'b.*', '*']),
  tools: someOf(['t.p', 't.q', 'u.p', 't.*', '*']),
  companies: someOf(['C1', 'C2', 'D1', 'C*']),
};
const without = (value: object): object =>
  Object.fromEntries(Object.entries(value).filter(([, each]) => each !== undefined));
const grant = fc
  .record({ ...scope, autonomy: fc.constantFrom(...order) })
  .map((each) => without(each) as Grant);
const twoScope = {
  agents: fc.constantFrom(['a.x'], ['a.*'], ['b.x', 'a.y']),
  tools: fc.constantFrom(['t.p'], ['t.*'], ['u.p']),
};
const external = fc.record({
  ...twoScope,
  check: fc.constantFrom('master_data' as const, 'none' as const),
});
const pair = fc
  .tuple(fc.constantFrom('make', 'pay', 'match'), fc.constantFrom('make', 'pay', 'match'))
  .map((each) => ({ pair: each, reason: 'apart' }));
const tierIn = (currencies: readonly string[]) =>
  fc
    .record({
      name: fc.constantFrom('one', 'two', 'three'),
      ...scope,
      above: fc.option(
        fc
          .tuple(fc.constantFrom('0', '10', '20'), fc.constantFrom(...currencies))
          .map(([amount, currency]) => Money.of(amount, currency)),
        { nil: undefined },
      ),
      risk: fc.option(fc.constantFrom(...risks), { nil: undefined }),
      by: fc.constantFrom(['anna'], ['anna', 'ben'], ['cfo']),
      required: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
      expires: fc.option(fc.constantFrom('P2D', 'P7D', 'P9D'), { nil: undefined }),
      escalate: fc.option(fc.constant({ after: 'P1D', to: ['board'] }), { nil: undefined }),
    })
    .map((each) => without(each) as Tier);
const few = <T>(one: fc.Arbitrary<T>, maxLength = 2) => fc.array(one, { maxLength });
const policyIn = (name: string, currencies: readonly string[]) =>
  fc
    .record({
      grants: few(grant, 3),
      access: few(fc.record(twoScope)),
      duties: few(pair),
      tiers: few(tierIn(currencies)),
      external: few(external),
    })
    .map((each) => definePolicy({ name, ...each }));
/** Two sets that share a policy: most of what is compared is the same. */
const pairs = (currencies: readonly string[]) =>
  fc
    .tuple(policyIn('kept', currencies), policyIn('mine', currencies), policyIn('mine', currencies))
    .map(([kept, before, after]) => [
      [kept, before],
      [kept, after],
    ]) as fc.Arbitrary<readonly [readonly Policy[], readonly Policy[]]>;

/* What is decided, told once more and more simply: nothing of the engine is used from here to the next ruler. */
const fits = (patterns: readonly string[] | undefined, name: string): boolean =>
  !patterns ||
  patterns.some(
    (each) => each === name || (each.endsWith('*') && name.startsWith(each.slice(0, -1))),
  );

function levelOf(
  all: readonly Policy[],
  { agent, tool, company }: { agent: string; tool: string; company: string | null },
): number {
  const about = all
    .flatMap(({ grants }) => grants)
    .filter((each) => fits(each.agents, agent) && fits(each.tools, tool));
  const sure = about.filter(
    (each) => !each.companies || (company !== null && fits(each.companies, company)),
  );
  const may = about.filter((each) => company === null || fits(each.companies, company));
  const found = may.map(({ autonomy }) => order.indexOf(autonomy));
  return Math.min(...found, ...(sure.length === 0 ? [1] : [3]));
}

const checkIn = (all: readonly Policy[], agent: string, tool: string): number => {
  const checks = all
    .flatMap((each) => each.external ?? [])
    .filter((each: ExternalGrant) => fits(each.agents, agent) && fits(each.tools, tool))
    .map(({ check }) => check);
  return checks.includes('master_data') ? 1 : checks.length > 0 ? 2 : 0;
};

const days = (text = 'P7D'): number => Number(text.slice(1, -1));

interface Asks {
  readonly required: number;
  readonly expires: number;
  /** From which day on each may decide. */
  readonly from: ReadonlyMap<string, number>;
}

const tiersFor = (all: readonly Policy[], agent: string, tool: string): readonly Tier[] =>
  all
    .flatMap((each) => each.tiers ?? [])
    .filter((each) => fits(each.agents, agent) && fits(each.tools, tool));

/** What tiers in one currency ask, which are for this agent and tool. */
function asksOf(
  all: readonly Tier[],
  call: { known: readonly string[]; risk: number; amount: number | null },
): Asks | null {
  const tiers = all
    .filter(
      (each) => call.known.length === 0 || call.known.some((one) => fits(each.companies, one)),
    )
    .filter((each) => call.risk >= risks.indexOf(each.risk ?? 'low'))
    .filter(
      (each) => !each.above || (call.amount !== null && call.amount >= Number(each.above.amount)),
    );
  const rank = (each: Tier): readonly (number | string)[] => [
    each.above ? -Number(each.above.amount) - 1 : 0,
    -risks.indexOf(each.risk ?? 'low'),
    -(each.required ?? 1),
    JSON.stringify([each.name, each.by]),
  ];
  const [strictest] = [...tiers].sort((one, other) => {
    const [left, right] = [rank(one), rank(other)];
    const index = left.findIndex((each, at) => each !== right[at]);
    return index < 0 ? 0 : (left[index] as number) < (right[index] as number) ? -1 : 1;
  });
  if (!strictest) return null;
  const expires = Math.min(...tiers.map((each) => days(each.expires)));
  const from = new Map(strictest.by.map((each) => [each, 0]));
  if (strictest.escalate && days(strictest.escalate.after) < expires)
    for (const each of strictest.escalate.to) if (!from.has(each)) from.set(each, 1);
  return { required: Math.max(...tiers.map((each) => each.required ?? 1)), expires, from };
}

function movesOf(before: Asks | null, after: Asks | null): readonly number[] {
  if (!before || !after) return [Number(after === null) - Number(before === null)];
  const persons = new Set([...before.from.keys(), ...after.from.keys()]);
  const since = ({ from }: Asks, each: string): number => from.get(each) ?? 99;
  return [
    before.required - after.required,
    after.expires - before.expires,
    ...[...persons].map((each) => since(before, each) - since(after, each)),
  ];
}

const areSame = (one: readonly Tier[], other: readonly Tier[] = []): boolean =>
  one.length === other.length && one.every((each, at) => each === other[at]);

/** By enumeration: `aspect direction`, above zero being wider. */
function enumerated(before: readonly Policy[], after: readonly Policy[]): ReadonlySet<string> {
  const found = new Set<string>();
  const note = (aspect: string, move: number): void => {
    if (move !== 0) found.add(`${aspect} ${move > 0 ? 'wider' : 'stricter'}`);
  };
  const sets = [[], ...companies.map((one) => [one])];
  for (const one of companies) for (const other of companies) sets.push([one, other]);
  const tiersSeen: (readonly [readonly Tier[], readonly Tier[]])[] = [];
  for (const agent of agents)
    for (const tool of tools) {
      for (const company of [null, ...companies])
        note(
          'autonomy',
          levelOf(after, { agent, tool, company }) - levelOf(before, { agent, tool, company }),
        );
      const has = (all: readonly Policy[]): number =>
        Number(
          all.some((each) =>
            each.access?.some((one) => fits(one.agents, agent) && fits(one.tools, tool)),
          ),
        );
      note('access', has(after) - has(before));
      const [from, to] = [checkIn(before, agent, tool), checkIn(after, agent, tool)];
      // What master data denies is refused; whatever else people are asked about.
      const outcomes = (check: number): readonly number[] =>
        [
          [1, 1, 1],
          [2, 0, 1],
          [2, 2, 2],
        ][check] as number[];
      outcomes(to).forEach((outcome, at) => {
        note('external', outcome - (outcomes(from)[at] as number));
      });
      const tiers = [tiersFor(before, agent, tool), tiersFor(after, agent, tool)] as const;
      // The same tiers ask the same, for whomever they are.
      if (tiersSeen.some((seen) => seen.every((each, at) => areSame(each, tiers[at])))) continue;
      tiersSeen.push(tiers);
      for (const known of sets)
        for (const risk of [0, 1, 2])
          for (const amount of [null, 0, 5, 10, 15, 20, 25]) {
            const call = { known, risk, amount };
            for (const move of movesOf(asksOf(tiers[0], call), asksOf(tiers[1], call)))
              note('tiers', move);
          }
    }
  const apart = (all: readonly Policy[]): ReadonlySet<string> =>
    new Set(
      all.flatMap((each) => (each.duties ?? []).map(({ pair: two }) => [...two].sort().join())),
    );
  for (const each of apart(before)) if (!apart(after).has(each)) note('duties', 1);
  for (const each of apart(after)) if (!apart(before).has(each)) note('duties', -1);
  return found;
}
/* ———————————————————————————————— */

const said = (changes: readonly Change[]): ReadonlySet<string> =>
  new Set(changes.map(({ aspect, direction }) => `${aspect} ${direction}`));

const facts: Facts = {
  ...{
    agent: 'a.x',
    agentModule: 'a',
    tool: 't.p',
    toolModule: 't',
    effect: 'write',
    listed: true,
  },
  ...{ access: 'module', granted: false, company: null, attended: true, rehearsal: false },
  ...{ policies: [], posting: null, lineage: null, amount: null, risk: 'normal', trust: 'erp' },
  ...{ grounded: undefined, autonomy: [], shadow: false },
};
const laxness = { allow: 3, approve: 2, propose: 1, refuse: 0, observe: 0 } as const;

describe('what is wider and what is stricter by other policies', () => {
  it('is what going through every call says', () => {
    verifies('R12.policy');
    fc.assert(
      fc.property(pairs(['EUR']), ([before, after]) => {
        const changes = differenceOf(before, after);
        assert.deepEqual([...said(changes)].sort(), [...enumerated(before, after)].sort());
      }),
      { numRuns: 60 },
    );
  });

  it('tells of every call that the guard decides more freely', () => {
    verifies('R12.policy');
    fc.assert(
      fc.property(pairs(['EUR', 'USD']), ([before, after]) => {
        const isWider =
          said(differenceOf(before, after)).size > 0 &&
          differenceOf(before, after).some(({ direction }) => direction === 'wider');
        if (isWider) return;
        for (const agent of agents)
          for (const tool of tools)
            for (const company of [null, 'C1', 'D1'])
              for (const trust of ['erp', 'external'] as const)
                for (const grounded of [null, undefined, 'it differs']) {
                  const call = { ...facts, agent, tool, company, trust, grounded };
                  const [was, is] = [before, after].map(
                    (policies) => decide({ ...call, policies }).kind,
                  );
                  assert.ok(
                    laxness[is as 'allow'] <= laxness[was as 'allow'],
                    `${agent} ${tool}: ${was} → ${is}`,
                  );
                }
      }),
      { numRuns: 60 },
    );
  });

  it('misses no tier in two currencies that asks less under any rate', () => {
    verifies('R12.policy');
    const rate = fc.option(fc.constantFrom('0.5', '1', '2', '3.7'), { nil: null });
    const money = fc.tuple(
      fc.constantFrom('0', '7', '10', '20', '33'),
      fc.constantFrom('EUR', 'USD'),
    );
    fc.assert(
      fc.property(
        pairs(['EUR', 'USD']),
        fc.tuple(money, rate, rate, fc.constantFrom(...risks)),
        ([before, after], [[amount, currency], eur, usd, risk]) => {
          if (
            differenceOf(before, after).some(
              ({ aspect, direction }) => aspect === 'tiers' && direction === 'wider',
            )
          )
            return;
          const worth = { money: Money.of(amount, currency), rates: { EUR: eur, USD: usd } };
          for (const agent of agents)
            for (const tool of tools) {
              const call = { ...facts, agent, tool, company: 'C1', risk, amount: worth };
              const [was, is] = [before, after].map((policies) => tier({ ...call, policies }));
              assert.ok(was === null || is !== null, `${agent} ${tool}: nobody is asked any more`);
              if (was && is && 'terms' in was && 'terms' in is && was.terms && is.terms)
                assert.ok(is.terms.required >= was.terms.required);
              else assert.ok(!(was?.kind === 'refuse' && is?.kind !== 'refuse'));
            }
        },
      ),
      { numRuns: 400 },
    );
  });

  it('says it in words, together for what differs alike', () => {
    const policy = (more: Partial<Policy>) => [definePolicy({ name: 'p', grants: [], ...more })];
    const [narrow] = differenceOf(
      policy({}),
      policy({ grants: [{ agents: ['a.x', 'a.y'], tools: ['t.*'], autonomy: 'act' }] }),
    );
    const tiers = [
      { name: 'large', tools: ['t.pay'], above: Money.of('1000', 'EUR'), by: ['cfo'], required: 2 },
    ];
    const [tiered] = differenceOf(
      policy({ tiers }),
      policy({ tiers: [{ ...(tiers[0] as Tier), required: 1 }] }),
    );
    const duties = [{ pair: ['make', 'pay'] as const, reason: 'no one pays what they made' }];
    const [apart] = differenceOf(policy({ duties }), policy({}));

    assert.equal(narrow?.text, 'a.x, a.y may act with t.*; before: propose');
    assert.equal(
      tiered?.text,
      '* with t.pay from 1000 EUR on: 1 of cfo within 7 days; before: 2 of cfo within 7 days',
    );
    assert.deepEqual(
      [apart?.direction, apart?.text],
      [
        'wider',
        'make and pay: one hand may do both; before: different hands (no one pays what they made)',
      ],
    );
  });

  it('leaves out of a tier for everything what takes an effect back, as the guard does', () => {
    const grants: readonly Grant[] = [
      { agents: ['a.x'], tools: ['tutti.effect.reverse'], autonomy: 'act' },
    ];
    const before = [definePolicy({ name: 'p', grants })];
    const after = [definePolicy({ name: 'p', grants, tiers: [{ name: 'all', by: ['cfo'] }] })];

    const changes = differenceOf(before, after);

    assert.deepEqual([...said(changes)], ['tiers stricter']);
    const tools = changes.flatMap((each) => each.tools);
    assert.ok(tools.length > 0 && !tools.includes('tutti.effect.reverse'), tools.join());
  });

  it('counts as wider what nobody can compare', () => {
    const tiers = ['EUR', 'USD', 'CHF'].map((currency) => {
      return { name: `in_${currency.toLowerCase()}`, above: Money.of('10', currency), by: ['cfo'] };
    });
    const before = [definePolicy({ name: 'p', grants: [], tiers })];
    const after = [
      definePolicy({ name: 'p', grants: [], tiers: [...tiers, { name: 'all', by: ['cfo'] }] }),
    ];

    assert.deepEqual([...said(differenceOf(before, after))], ['tiers wider']);
    assert.deepEqual(differenceOf(before, before), []);
  });
});
