import type { Mutant } from './mutant.ts';

const verify = 'tests/service/hooks/verify.test.ts';
const posts = 'tests/service/hooks/posts.test.ts';
const firings = 'tests/service/hooks/firings.test.ts';
const simulator = 'tests/service/hooks/simulator.test.ts';

/** ERP events: who is believed, what is recorded, and what it starts. */
export const hooks: readonly Mutant[] = [
  {
    id: 'any-signature-as-long-as-the-right-one-fits',
    file: 'core/service/hooks/verify.ts',
    find: 'return a.length === b.length && timingSafeEqual(a, b);',
    replace: 'return a.length === b.length;',
    tests: [verify],
  },
  {
    id: 'posts-of-tomorrow-are-taken',
    file: 'core/service/hooks/verify.ts',
    find: 'return Math.abs(now - at) <= toleranceMs;',
    replace: 'return now - at <= toleranceMs;',
    tests: [verify],
  },
  {
    id: 'a-forged-post-is-recorded',
    file: 'core/service/hooks/receive.ts',
    find: "if (verdict.kind === 'refused')",
    replace: 'if (verdict === null)',
    tests: [posts],
  },
  {
    id: 'what-came-again-is-counted-as-new',
    file: 'core/service/hooks/intake.ts',
    find: 'const told = { recorded, duplicates: rows.length - recorded };',
    replace: 'const told = { recorded: rows.length, duplicates: 0 };',
    tests: [posts],
  },
  {
    id: 'a-firing-has-a-run-for-each-who-starts-it',
    file: 'core/service/hooks/firings.ts',
    find: '.id}`,\n      ...(await this.#patience.wait(',
    replace: '.claim}`,\n      ...(await this.#patience.wait(',
    tests: [firings],
  },
  {
    id: 'a-condition-fires-as-long-as-it-holds',
    file: 'core/service/hooks/firing-store.ts',
    find: 'return rows[0]?.held ?? false;',
    replace: 'return rows.length === 0;',
    tests: [firings],
  },
  {
    id: 'a-sweep-tells-again-what-was-told',
    file: 'core/service/hooks/intake.ts',
    find: "WHERE source <> 'sweep' OR NOT EXISTS",
    replace: 'WHERE true OR NOT EXISTS',
    tests: [simulator],
  },
];
