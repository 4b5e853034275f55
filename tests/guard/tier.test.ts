import assert from 'node:assert/strict';
import fc from 'fast-check';
import { definePolicy, Money, type Risk, type Tier } from 'tutti';
import type { Decision } from '../../core/guard/decide.ts';
import type { AmountFact, Facts } from '../../core/guard/facts.ts';
import { verifies } from '../support/verifies.ts';
import { decidePlainly as decide } from './lab.ts';

const dayMs = 86_400_000;

/** A write that is let, but for tiers. */
function aWrite(tiers: readonly Tier[], facts: Partial<Facts> = {}): Facts {
  return {
    agent: 'finance.payer',
    agentModule: 'finance',
    tool: 'finance.bill.pay',
    toolModule: 'finance',
    effect: 'write',
    listed: true,
    access: 'module',
    granted: false,
    company: 'DE01',
    attended: true,
    rehearsal: false,
    policies: [definePolicy({ name: 'test', grants: [{ autonomy: 'act' }], tiers })],
    posting: null,
    lineage: null,
    amount: null,
    risk: 'normal',
    trust: 'system',
    grounded: undefined,
    autonomy: [],
    shadow: false,
    ...facts,
  };
}

function anAmount(text: string, rates: AmountFact['rates'] = {}): Pick<Facts, 'amount'> {
  const [amount = '', currency = ''] = text.split(' ');
  return { amount: { money: Money.of(amount, currency), rates } };
}

const money = (text: string) => anAmount(text).amount?.money as Money;
const clerk: Tier = { name: 'clerk', by: ['clerk'] };
const controller: Tier = { name: 'controller', by: ['controller'], above: money('1000 EUR') };
const large: Tier = {
  ...{ name: 'large', by: ['controller', 'cfo'], above: money('50000 EUR') },
  ...{ required: 2, expires: 'P2D', escalate: { after: 'P1D', to: ['board'] } },
};

/** What is asked, or that nobody is. */
function askedOf(decision: Decision) {
  return 'terms' in decision ? decision.terms : decision.kind;
}
const tierOf = (facts: Facts): string => {
  const asked = askedOf(decide(facts));
  return typeof asked === 'string' ? asked : asked.tier;
};

describe('tiers of approvals', () => {
  it('turn what would be allowed into an approval while somebody waits, and into a proposal while nobody does', () => {
    verifies('R12.approvals');
    const terms = { tier: 'clerk', by: ['clerk'], required: 1, expiresMs: 7 * dayMs };

    assert.deepEqual(decide(aWrite([clerk])), { kind: 'approve', rule: 'tier.clerk', terms });
    assert.deepEqual(decide(aWrite([clerk], { attended: false })), {
      ...{ kind: 'propose', rule: 'tier.clerk', terms },
    });
    assert.deepEqual(decide(aWrite([])), { kind: 'allow', rule: 'autonomy.act' });
  });

  it('take nothing back of what is refused, and let an agent that may only propose do no more than that', () => {
    const refused = decide(aWrite([clerk], { listed: false }));
    const proposing = definePolicy({ name: 'p', grants: [], tiers: [clerk] });
    const proposed = decide(aWrite([], { policies: [proposing] }));

    assert.deepEqual([refused.kind, refused.rule], ['refuse', 'access.listed']);
    assert.deepEqual([proposed.kind, proposed.rule], ['propose', 'autonomy.propose']);
    assert.equal((askedOf(proposed) as { tier: string }).tier, 'clerk');
  });

  it('are asked of nobody for a read', () => {
    assert.deepEqual(decide(aWrite([clerk], { effect: 'read' })), {
      ...{ kind: 'allow', rule: 'effect.read' },
    });
  });

  it('leave an approval without one to the approvers, for a week', () => {
    const policies = [definePolicy({ name: 'p', grants: [{ autonomy: 'approve' }] })];

    assert.deepEqual(askedOf(decide(aWrite([], { policies }))), {
      ...{ tier: 'default', by: ['approver'], required: 1, expiresMs: 7 * dayMs },
    });
  });

  it('ask once for all that match: most yeses, shortest time, the deciders of the largest amount', () => {
    const two: Tier = { ...clerk, required: 3, expires: 'PT12H' };

    assert.deepEqual(askedOf(decide(aWrite([large, two, controller], anAmount('60000 EUR')))), {
      ...{ tier: 'large', by: ['controller', 'cfo'], required: 3, expiresMs: dayMs / 2 },
    });
    assert.deepEqual(askedOf(decide(aWrite([large], anAmount('60000 EUR')))), {
      ...{ tier: 'large', by: ['controller', 'cfo'], required: 2, expiresMs: 2 * dayMs },
      escalate: { afterMs: dayMs, to: ['board'] },
    });
  });

  for (const [amount, tier] of [
    ['999.99 EUR', 'clerk'],
    ['1000 EUR', 'controller'],
    ['49999.999 EUR', 'controller'],
    ['50000.00 EUR', 'large'],
    // 1,000 EUR are 1,250 USD at 0.8.
    ['1249.99 USD', 'clerk'],
    ['1250 USD', 'controller'],
    ['62500 USD', 'large'],
    // Nobody knows what a dirham is worth.
    ['1 AED', 'large'],
  ] as const) {
    it(`are those of ${tier} for ${amount}`, () => {
      const rates = { EUR: '1', USD: '0.8', AED: null };

      assert.equal(tierOf(aWrite([clerk, controller, large], anAmount(amount, rates))), tier);
    });
  }

  it('from an amount on are not of a call that moves no money', () => {
    assert.equal(tierOf(aWrite([controller, large])), 'allow');
  });

  it('say for which currencies there was no rate', () => {
    const rates = { EUR: '1', AED: null };
    const asked = askedOf(decide(aWrite([large], anAmount('1 AED', rates))));

    assert.deepEqual((asked as { unrated?: unknown }).unrated, ['AED']);
    assert.ok(!('unrated' in (askedOf(decide(aWrite([large], anAmount('60000 EUR')))) as object)));
  });

  it('in two currencies that no rate compares let nothing through', () => {
    const dollars: Tier = { name: 'dollars', by: ['treasurer'], above: money('900 USD') };
    const decided = (rates: AmountFact['rates']) =>
      decide(aWrite([controller, dollars], anAmount('5000 EUR', rates)));

    const refused = decided({ EUR: '1', USD: null });

    assert.ok(refused.kind === 'refuse' && refused.rule === 'tier.rate', refused.kind);
    assert.match(refused.reason, /5000 EUR.*no exchange rate/);
    assert.equal(
      (askedOf(decided({ EUR: '1', USD: '0.8' })) as { tier: string }).tier,
      'controller',
    );
    assert.equal((askedOf(decided({ EUR: '1', USD: '1.2' })) as { tier: string }).tier, 'dollars');
  });

  for (const [companies, company, isAsked] of [
    [undefined, 'DE01', true],
    [undefined, null, true],
    [['DE01'], 'DE01', true],
    [['DE*'], 'DE02', true],
    [['DE*', 'FR01'], 'FR01', true],
    [['DE01'], 'DE02', false],
    [['DE*'], 'AT01', false],
    // What names no company may be about any.
    [['DE01'], null, true],
  ] as const) {
    it(`of ${companies ?? 'all companies'} ${isAsked ? 'are' : 'are not'} those of ${company ?? 'the whole group'}`, () => {
      const tier: Tier = { ...clerk, ...(companies && { companies }) };

      assert.equal(tierOf(aWrite([tier], { company })), isAsked ? 'clerk' : 'allow');
    });
  }

  it('are those of the company that is posted to, as well', () => {
    const posting = {
      ...{ company: 'FR01', date: '2026-06-30', period: '2026-06', ledger: 'general' },
      state: 'open' as const,
    };
    const of = (companies: string[], company: string | null) =>
      tierOf(aWrite([{ ...clerk, companies }], { company, posting }));

    assert.equal(of(['FR01'], 'DE01'), 'clerk');
    assert.equal(of(['DE01'], 'DE01'), 'clerk');
    assert.equal(of(['FR01'], null), 'clerk');
    assert.equal(of(['DE01'], null), 'allow');
  });

  for (const [from, asked] of [
    ['low', ['low', 'normal', 'high']],
    ['normal', ['normal', 'high']],
    ['high', ['high']],
  ] as const) {
    it(`from ${from} risk on are those of ${asked.join(', ')}`, () => {
      const of = (risk: Risk) => tierOf(aWrite([{ ...clerk, risk: from }], { risk }));

      assert.deepEqual(
        (['low', 'normal', 'high'] as const).filter((risk) => of(risk) === 'clerk'),
        asked,
      );
    });
  }

  it('are of agents and tools by name or pattern', () => {
    const of = (tier: Partial<Tier>) => tierOf(aWrite([{ ...clerk, ...tier }]));

    assert.equal(of({ agents: ['finance.*'], tools: ['finance.bill.pay'] }), 'clerk');
    assert.equal(of({ agents: ['finance.payer'], tools: ['hr.*', 'finance.*'] }), 'clerk');
    assert.equal(of({ agents: ['hr.*'] }), 'allow');
    assert.equal(of({ tools: ['finance.bill.hold'] }), 'allow');
  });
});

describe('grants set at run time and a shadow', () => {
  it('stand before the policies’, the strictest of them, where one matches', () => {
    verifies('R12.autonomy');
    const level = (...autonomy: Facts['autonomy']) => decide(aWrite([], { autonomy })).rule;

    assert.equal(level(), 'autonomy.act');
    assert.equal(level({ autonomy: 'observe' }), 'autonomy.observe');
    assert.equal(level({ autonomy: 'act' }, { autonomy: 'propose' }), 'autonomy.propose');
    assert.equal(level({ autonomy: 'observe', companies: ['FR01'] }), 'autonomy.act');
    const cautious = definePolicy({ name: 'p', grants: [{ autonomy: 'observe' }] });
    const loose = aWrite([], { policies: [cautious], autonomy: [{ autonomy: 'act' }] });
    assert.equal(decide(loose).kind, 'allow');
  });

  it('never spare a tier', () => {
    assert.equal(tierOf(aWrite([clerk], { autonomy: [{ autonomy: 'act' }] })), 'clerk');
  });

  it('observes in a shadow what would happen or be asked, and refuses what would be refused', () => {
    const of = (facts: Facts) => decide({ ...facts, shadow: true });

    assert.deepEqual(of(aWrite([])), { kind: 'observe', rule: 'shadow', would: 'write' });
    assert.deepEqual(of(aWrite([clerk])), { kind: 'observe', rule: 'shadow', would: 'approve' });
    assert.equal(of(aWrite([], { listed: false })).kind, 'refuse');
    assert.deepEqual(of(aWrite([], { effect: 'read' })), { kind: 'allow', rule: 'effect.read' });
    assert.equal(of(aWrite([], { rehearsal: true })).rule, 'rehearsal');
  });
});

const currencies = ['EUR', 'USD', 'JPY'] as const;
const anyRates = fc.record({
  EUR: fc.constant('1'),
  USD: fc.constantFrom('0.5', '0.92', '1.25'),
  JPY: fc.constantFrom('0.006', '0.0061'),
});
const anyMoney = fc
  .tuple(fc.integer({ min: 0, max: 400 }), fc.constantFrom(...currencies))
  .map(([tens, currency]) => Money.of(`${tens * 10}.5`, currency));
const anyTier = fc.record(
  {
    name: fc.constant('tier'),
    by: fc.constantFrom(['clerk'], ['controller'], ['cfo', 'controller']),
    above: anyMoney,
    risk: fc.constantFrom<Risk[]>('low', 'normal', 'high'),
    required: fc.integer({ min: 1, max: 4 }),
    expires: fc.constantFrom('PT1H', 'P1D', 'P7D', 'P30D'),
  },
  { requiredKeys: ['name', 'by'] },
) as fc.Arbitrary<Tier>;
const manyTiers = fc
  .array(anyTier, { maxLength: 6 })
  .map((tiers) => tiers.map((each, index) => ({ ...each, name: `tier${index}` })));

/** What an amount comes to in the group's currency; -1 for any. */
const worth = (amount: Money | undefined, rates: AmountFact['rates']): number =>
  amount ? Number(amount.amount) * Number(rates[amount.currency]) : -1;

/** Asserts that one decision asks no less than another. */
function assertAsStrict(one: Facts, other: Facts): void {
  const kinds = ['allow', 'approve', 'refuse'];
  const [strict, easy] = [decide(one), decide(other)];
  assert.ok(kinds.indexOf(strict.kind) >= kinds.indexOf(easy.kind), `${strict.kind}, ${easy.kind}`);
  if (!('terms' in strict) || !('terms' in easy)) return;
  assert.ok(strict.terms.required >= easy.terms.required);
  assert.ok(strict.terms.expiresMs <= easy.terms.expiresMs);
  const tiersOf = ({ policies }: Facts) => policies.flatMap(({ tiers = [] }) => tiers);
  const levelOf = (facts: Facts, { tier }: typeof strict.terms): number => {
    const found = tiersOf(facts).find(({ name }) => name === tier);
    return worth(found?.above, other.amount?.rates ?? {});
  };
  assert.ok(levelOf(one, strict.terms) >= levelOf(other, easy.terms));
}

describe('tiers, whatever they are', () => {
  it('ask the same in any order, and in however many policies they stand', () => {
    const split = fc.tuple(manyTiers, fc.nat({ max: 6 }), anyMoney, anyRates);
    fc.assert(
      fc.property(split, ([tiers, at, amount, rates]) => {
        const facts = { amount: { money: amount, rates } };
        const grants = [{ autonomy: 'act' as const }];
        const apart = [tiers.slice(at), tiers.slice(0, at), tiers.slice(0, at)].map((some) =>
          definePolicy({ name: 'part', grants, tiers: some.toReversed() }),
        );

        assert.deepEqual(
          decide(aWrite([], { ...facts, policies: apart })),
          decide(aWrite(tiers, facts)),
        );
      }),
      { numRuns: 1_000 },
    );
  });

  it('are never weaker together than any one of them', () => {
    fc.assert(
      fc.property(manyTiers, anyMoney, anyRates, (tiers, amount, rates) => {
        const facts = { amount: { money: amount, rates } };
        for (const each of tiers) assertAsStrict(aWrite(tiers, facts), aWrite([each], facts));
      }),
      { numRuns: 1_000 },
    );
  });

  it('are never easier for a larger amount', () => {
    fc.assert(
      fc.property(
        fc.tuple(manyTiers, anyMoney, fc.nat(5_000), anyRates),
        ([tiers, amount, more, rates]) => {
          const larger = Money.plus(amount, Money.of(String(more), amount.currency));

          assertAsStrict(
            aWrite(tiers, { amount: { money: larger, rates } }),
            aWrite(tiers, { amount: { money: amount, rates } }),
          );
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it('are never easier where a rate is missing', () => {
    fc.assert(
      fc.property(
        fc.tuple(manyTiers, anyMoney, anyRates, fc.subarray([...currencies])),
        ([tiers, amount, rates, missing]) => {
          const known = { ...rates, ...Object.fromEntries(missing.map((each) => [each, null])) };

          assertAsStrict(
            aWrite(tiers, { amount: { money: amount, rates: known } }),
            aWrite(tiers, { amount: { money: amount, rates } }),
          );
        },
      ),
      { numRuns: 2_000 },
    );
  });

  it('compare what an amount is worth in another currency as the amount itself', () => {
    fc.assert(
      fc.property(manyTiers, anyMoney, anyRates, (tiers, amount, rates) => {
        const group = Money.convert(amount, rates[amount.currency as 'EUR'], 'EUR');
        const asked = (money: Money) => decide(aWrite(tiers, { amount: { money, rates } }));

        assert.deepEqual(asked(group), asked(amount));
        const own: Tier = { ...clerk, above: amount };
        assert.equal(tierOf(aWrite([own], { amount: { money: group, rates } })), 'clerk');
        const back: Tier = { ...clerk, above: group };
        assert.equal(tierOf(aWrite([back], { amount: { money: amount, rates } })), 'clerk');
      }),
      { numRuns: 1_000 },
    );
  });
});
