import type { Mutant } from './mutant.ts';

const tests = ['tests/engine/encryption/at-rest.test.ts'];

/** Bugs of what lies encrypted in the database, and of its keys. */
export const encryption: readonly Mutant[] = [
  {
    id: 'a-body-opens-in-any-place',
    file: 'core/ports/encryption/data-keys.ts',
    find: "['tutti body', tenantId, id, held, place]",
    replace: "['tutti body', tenantId, id, held]",
    tests,
  },
  {
    id: 'an-erasure-leaves-the-key',
    file: 'core/engine/retention/shred.ts',
    find: 'AND class = ANY ($3) AND id <> ALL ($4)',
    replace: 'AND class = ANY ($3) AND id = ANY ($4) AND false',
    tests,
  },
  {
    id: 'a-backup-has-the-keys',
    file: 'core/ports/db/backup/keys.ts',
    find: '  nameOf(table) === keyTable;',
    replace: '  nameOf(table) === masterTable;',
    tests,
  },
];
