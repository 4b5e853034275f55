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
    file: 'core/engine/run/claims.ts',
    find: 'store.claim(boot, room, present?.())',
    replace: 'store.claim(boot, room, present ? null : null)',
    tests: [loading],
  },
  {
    id: 'a-thread-takes-any-declarations',
    file: 'worker/loaded.ts',
    find: 'if (declarations.digest === digest) return declarations;',
    replace: `if (digest !== '') return declarations;`,
    tests: [declare],
  },
];
