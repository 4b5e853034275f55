import type { Mutant } from './mutant.ts';

/** Bugs of the web console. */
export const webConsole: readonly Mutant[] = [
  {
    id: 'a-line-that-broke-begins-anew',
    file: 'core/service/console/api/events.ts',
    find: 'after = entries.at(-1)?.seq ?? after;',
    replace: '',
    tests: ['tests/service/console/live.test.ts'],
  },
  {
    id: 'the-console-may-run-any-script',
    file: 'core/service/api/console.ts',
    find: `"script-src 'self'"`,
    replace: `"script-src 'self' 'unsafe-inline'"`,
    tests: ['tests/service/console/files.test.ts'],
  },
  {
    id: 'a-change-goes-without-its-token',
    file: 'core/service/console/api/client.ts',
    find: `'X-CSRF-Token': this.#csrfToken`,
    replace: '',
    tests: ['tests/service/console/console.test.ts'],
  },
];
