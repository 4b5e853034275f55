import type { Mutant } from './mutant.ts';

const tier = 'tests/guard/tier.test.ts';
const amount = 'tests/guard/amount.test.ts';

/** Bugs of approval tiers and amounts. */
export const tiers: readonly Mutant[] = [
  {
    id: 'without-a-rate-nobody-is-asked',
    file: 'core/guard/rules/tier.ts',
    find: '(compareWorth(money, above, rates) ?? 1) >= 0',
    replace: '(compareWorth(money, above, rates) ?? -1) >= 0',
    tests: [tier, amount],
  },
  {
    id: 'the-amount-itself-is-not-above',
    file: 'core/guard/rules/tier.ts',
    find: '(compareWorth(money, above, rates) ?? 1) >= 0',
    replace: '(compareWorth(money, above, rates) ?? 1) > 0',
    tests: [tier],
  },
  {
    id: 'the-fewest-yeses-of-all-tiers',
    file: 'core/guard/rules/tier.ts',
    find: 'required: Math.max(',
    replace: 'required: Math.min(',
    tests: [tier],
  },
  {
    id: 'the-last-tier-names-the-deciders',
    file: 'core/guard/rules/tier.ts',
    find: '(isStricter(other, one, rates) ? other : one)',
    replace: '(isStricter(other, one, rates) ? other : other)',
    tests: [tier],
  },
  {
    id: 'the-whole-group-is-in-no-company',
    file: 'core/guard/rules/tier.ts',
    find: 'known.length === 0 ||',
    replace: 'known.length > 0 &&',
    tests: [tier],
  },
  {
    id: 'tiers-that-no-rate-compares-are-equal',
    file: 'core/guard/rules/tier.ts',
    find: 'if (incomparable) return',
    replace: 'if (!incomparable && tiers.length < 0) return',
    tests: [tier],
  },
  {
    id: 'a-tier-lifts-an-agent-that-may-only-propose',
    file: 'core/guard/decide.ts',
    find: 'allow: 0, approve: 1, propose: 2, refuse: 3',
    replace: 'allow: 0, approve: 2, propose: 1, refuse: 3',
    tests: [tier],
  },
  {
    id: 'a-rate-of-tomorrow',
    file: 'core/guard/amount.ts',
    find: 'lte: today',
    replace: "lte: '9999-12-31'",
    tests: [amount],
  },
  {
    id: 'a-negative-amount-is-small',
    file: 'core/guard/amount.ts',
    find: 'Money.abs(parseMoney(found, tool.name))',
    replace: 'parseMoney(found, tool.name)',
    tests: [amount],
  },
];
