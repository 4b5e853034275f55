import type { Mutant } from './mutant.ts';

const policies = 'tests/engine/policies/policies.test.ts';

/** Of policies that people put in force. */
export const policyMutants: readonly Mutant[] = [
  {
    id: 'what-the-code-says-counts-beside-a-version',
    file: 'core/sdk/policy/policies-in-force.ts',
    find: '[...declared.filter(({ name }) => !names.has(name)), ...inForce]',
    replace: '[...declared, ...inForce]',
    tests: [policies],
  },
  {
    id: 'a-stricter-word-to-come-is-taken-back-alone',
    file: 'core/engine/policies/speaking.ts',
    find: '[standing.now, ...(await Promise.all(pending))].some(',
    replace: '[standing.now, ...(await Promise.all(pending)).slice(1)].some(',
    tests: [policies],
  },
  {
    id: 'two-words-at-once-are-not-checked-against-each-other',
    file: 'core/engine/policies/policy-store.ts',
    find: 'if ((await countOf(client, tenantId)) !== seen) return false;',
    replace: 'if ((await countOf(client, tenantId)) < seen) return false;',
    tests: [policies],
  },
  {
    id: 'amounts-between-two-limits-are-not-compared',
    file: 'core/engine/policies/tier-change.ts',
    find: 'const amounts = [...limits, Money.zero(first)];',
    replace: 'const amounts = [Money.zero(first)];',
    tests: ['tests/engine/policies/difference.test.ts'],
  },
];
