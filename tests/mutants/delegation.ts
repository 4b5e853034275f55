import type { Mutant } from './mutant.ts';

const engine = 'tests/engine/delegation.test.ts';
const handOvers = 'core/engine/outside/hand-overs.ts';

/** Of work that agents hand to others. */
export const delegation: readonly Mutant[] = [
  {
    id: 'a-call-is-handed-on-at-each-look',
    file: handOvers,
    find: 'const key = ({ at }: DelegatedCall) =>',
    replace: 'const key = ({ at }: DelegatedCall, salt = Date.now()) => salt +',
    tests: ['tests/crash/delegation.test.ts'],
  },
  {
    id: 'work-for-others-is-done-by-ones-own-rights',
    file: 'core/guard/decide.ts',
    find: 'const rulings = [...own, ...lent];',
    replace: 'const rulings = lent.length < 0 ? lent : own;',
    tests: ['tests/guard/delegators.test.ts', engine],
  },
  {
    id: 'tiers-of-those-who-hand-on-ask-nobody',
    file: 'core/guard/rules/tier.ts',
    find: '[agent, ...delegators].some(',
    replace: '[agent, ...delegators].slice(0, 1).some(',
    tests: ['tests/guard/delegators.test.ts'],
  },
  {
    id: 'an-answer-of-another-agent-has-no-label',
    file: handOvers,
    find: "joinOf([partly.trust ?? 'external', ...calls.map(trustOf)])",
    replace: "joinOf([partly.trust ?? 'external'])",
    tests: [engine],
  },
];
