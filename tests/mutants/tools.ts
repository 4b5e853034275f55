import type { Mutant } from './mutant.ts';

const access = 'tests/guard/access.test.ts';
const registry = 'tests/engine/tools/tools.test.ts';
const databases = 'tests/ports/sql/databases.test.ts';
const report = 'tests/modules/general/generate-report.test.ts';

/** Of who may use which tool, and of what tools reach. */
export const tools: readonly Mutant[] = [
  {
    id: 'a-restricted-tool-is-its-modules-own',
    file: 'core/sdk/tool-access.ts',
    find: `if (access === 'module' && owner === module) return true;`,
    replace: 'if (owner === module) return true;',
    tests: [access],
  },
  {
    id: 'a-grant-to-a-role-is-for-everybody',
    file: 'core/guard/granted.ts',
    find: 'rolesOf(person, roles)',
    replace: '(person === "" ? [] : Object.keys(roles))',
    tests: [registry],
  },
  {
    id: 'grants-that-nobody-can-read-give-everything',
    file: 'core/sdk/authority.ts',
    find: '(access.data as readonly AccessGrant[]) : []',
    replace: `(access.data as readonly AccessGrant[]) : [{ tools: ['*'], agents: ['*'] }]`,
    tests: ['tests/guard/authority.test.ts'],
  },
  {
    id: 'a-login-that-may-write-is-let-in',
    file: 'core/ports/sql/rights.ts',
    find: 'if (!reachesFar && !writes) return;',
    replace: 'if (!reachesFar) return;',
    tests: [databases],
  },
  {
    id: 'a-role-that-the-login-may-become-does-not-count',
    file: 'core/ports/sql/rights.ts',
    find: `r.oid, 'MEMBER')\n    AND (r.rolsuper`,
    replace: `r.oid, 'USAGE')\n    AND (r.rolsuper`,
    tests: [databases],
  },
  {
    id: 'a-query-may-write-before-it-is-rolled-back',
    file: 'core/ports/sql/query.ts',
    find: 'BEGIN READ ONLY;',
    replace: 'BEGIN;',
    tests: [databases],
  },
  {
    id: 'a-connection-keeps-what-a-query-left',
    file: 'core/ports/sql/query.ts',
    find: `await client.query('DISCARD ALL');`,
    replace: `await client.query('SELECT 1');`,
    tests: [databases],
  },
  {
    id: 'a-message-of-the-database-quotes-a-row',
    file: 'core/ports/sql/fault.ts',
    find: `(code.startsWith('42') ? message : 'see the code')`,
    replace: 'message',
    tests: [databases],
  },
  {
    id: 'a-table-goes-on-without-its-head',
    file: 'modules/general/report/pdf-table.ts',
    find: 'pdf.addPage();\n      draw(head, headHeight);',
    replace: 'pdf.addPage();',
    tests: [report],
  },
  {
    id: 'a-paragraph-is-taken-for-markup',
    file: 'modules/general/report/html.ts',
    find: 'toText(paragraph.trim())',
    replace: 'paragraph.trim()',
    tests: [report],
  },
  {
    id: 'a-pdf-takes-letters-that-its-fonts-lack',
    file: 'modules/general/report/printable.ts',
    find: '20b8-20ba 20bd 2100-2109',
    replace: '20b8-20ba 20bd-20bf 2100-2109',
    tests: [report],
  },
];
