import { readFileSync, writeFileSync } from 'node:fs';
import type { OpenApi } from '../core/service/api/openapi/open-api.ts';
import { type Permission, roleNames, roles } from '../core/service/identity/permission.ts';

/*
 * Writes the table of docs/api.md from the document that a Tutti serves, one that is configured with everything:
 * `node scripts/api-table.ts http://127.0.0.1:4884`.
 */

/** The page that has the table. */
export const apiPagePath: URL = new URL('../docs/api.md', import.meta.url);

const marks = ['<!-- routes -->', '<!-- /routes -->'] as const;

/** Which roles may call which routes, as the page has it. */
export function apiTable({ paths }: OpenApi): string {
  const rows = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => {
      const permission = operation['x-permission'] as Permission | undefined;
      const marked = roleNames.map((role) => (mayCall(role, permission) ? '●' : ''));
      const cells = [`\`${method.toUpperCase()} ${path}\``, permission ? `\`${permission}\`` : '–'];
      return `| ${[...cells, ...marked].join(' | ')} |`;
    }),
  );
  const heads = ['Route', 'Permission', ...roleNames.map((role) => `\`${role}\``)];
  return [`| ${heads.join(' | ')} |`, `|${'---|'.repeat(heads.length)}`, ...rows.sort()].join('\n');
}

/** The table that the page has now. */
export function tableIn(page: string): string {
  return page.split(marks[0])[1]?.split(marks[1])[0]?.trim() ?? '';
}

/** The page with another table. */
function withTable(page: string, table: string): string {
  const [before, rest] = page.split(marks[0]);
  return [before, marks[0], `\n${table}\n`, marks[1], rest?.split(marks[1])[1]].join('');
}

function mayCall(role: (typeof roleNames)[number], permission: Permission | undefined): boolean {
  return permission === undefined || (roles[role] as readonly Permission[]).includes(permission);
}

if (import.meta.main) {
  const [url = 'http://127.0.0.1:4884'] = process.argv.slice(2);
  const document = (await (await fetch(`${url}/v1/openapi.json`)).json()) as OpenApi;
  writeFileSync(apiPagePath, withTable(readFileSync(apiPagePath, 'utf8'), apiTable(document)));
}
