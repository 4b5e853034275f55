import type { Mutant } from './mutant.ts';

const guard = 'tests/guard/known.test.ts';
const known = 'tests/ports/erp/known-reads.test.ts';

/** Of what a run has read before. */
export const reads: readonly Mutant[] = [
  {
    id: 'a-write-leaves-what-was-read-before-it',
    file: 'core/guard/handler.ts',
    find: 'scope.known?.writing(command.entity);',
    replace: 'scope.known?.writing("nothing");',
    tests: [guard],
  },
  {
    id: 'what-was-read-before-decides-a-write',
    file: 'core/guard/handler.ts',
    find: 'const mayKnow = commands === undefined;',
    replace: 'const mayKnow = true;',
    tests: [guard],
  },
  {
    id: 'what-is-read-during-a-write-is-kept',
    file: 'core/ports/erp/freshness.ts',
    find: 'if (load(this.#begun, place) !== ended) return null;',
    replace: '',
    tests: [known],
  },
];
