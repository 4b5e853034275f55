import type { Mutant } from './mutant.ts';

const loading = 'tests/bin/module-loading.test.ts';
const declare = 'tests/worker/declare.test.ts';

/** Bugs of modules that are loaded, changed and taken away while Tutti runs. */
export const modules: readonly Mutant[] = [
  {
    id: 'a-module-goes-under-its-runs',
    file: 'core/engine/modules/module-loader.ts',
    find: 'if (engine?.uses(name)) return;',
    replace: '',
    tests: [loading],
  },
  {
    id: 'runs-are-taken-up-without-their-module',
    file: 'core/engine/adoption/claims.ts',
    find: 'store.claim(boot, room, present?.())',
    replace: 'store.claim(boot, room, present ? null : undefined)',
    tests: [loading],
  },
  {
    id: 'any-generation-of-a-module-will-do',
    file: 'core/engine/store/run-row.ts',
    find: "name || ' ' || generation = ANY ($4)",
    replace:
      "name || ' ' || generation IN (SELECT split_part(l, ' ', 1) || ' ' || generation FROM unnest($4::text[]) l)",
    tests: ['tests/engine/adoption/claim-modules.test.ts'],
  },
  {
    id: 'a-thread-takes-any-declarations',
    file: 'worker/thread/loaded.ts',
    find: 'if (declarations.digest === digest) return declarations;',
    replace: `if (digest !== '') return declarations;`,
    tests: [declare],
  },
];
