import type { Mutant } from './mutant.ts';

const stops = 'tests/engine/authority/stops.test.ts';
const authority = 'tests/engine/authority/authority.test.ts';

/** Of stops, and of what is set while agents run. */
export const standing: readonly Mutant[] = [
  {
    id: 'a-write-begins-without-a-look-at-the-stops',
    file: 'core/guard/handler.ts',
    find: 'if (commands) {\n      await awaitClearance(call.scope, key);',
    replace: 'if (commands) {',
    tests: [stops],
  },
  {
    id: 'an-old-look-at-the-stops-is-good-enough',
    file: 'core/engine/authority/stops.ts',
    find: 'const freshMs = 1_000;',
    replace: 'const freshMs = 60_000;',
    tests: [stops],
  },
  {
    id: 'who-cannot-look-finds-nothing-stopped',
    file: 'core/engine/authority/stops.ts',
    find: `throw stopped('stop.unknown', why);`,
    replace: `if (why === '') throw stopped('stop.unknown', why);\n        this.#lookedAtMs = machineMs();`,
    tests: [stops],
  },
  {
    id: 'what-was-stopped-is-uncertain',
    file: 'core/guard/perform.ts',
    find: `['ERP_CONFLICT', 'STOPPED'].includes(error.code)`,
    replace: `['ERP_CONFLICT'].includes(error.code)`,
    tests: [stops],
  },
  {
    id: 'what-is-lifted-stays-aside',
    file: 'core/engine/authority/standstill.ts',
    find: 'for (const item of scheduler.sift()) {',
    replace: 'for (const item of scheduler.sift().slice(1)) {',
    tests: [stops],
  },
  {
    id: 'a-stop-reaches-every-tenant',
    file: 'core/engine/authority/stop.ts',
    find: 'if (tenantId !== subject.tenantId) return false;',
    replace: '',
    tests: [stops],
  },
  {
    id: 'a-suspended-tenant-goes-on-asking-mcp-servers',
    file: 'core/engine/authority/standstill.ts',
    find: 'if (writing.size > 0 || !this.#stops.isSuspended(tenantId)) return null;',
    replace: 'if (writing.size >= 0 || !this.#stops.isSuspended(tenantId)) return null;',
    tests: ['tests/engine/mcp/calls.test.ts'],
  },
  {
    id: 'a-grant-of-a-suspended-tenant-gets-its-run',
    file: 'core/engine/approvals/apply.ts',
    find: 'AND NOT $',
    replace: 'OR false AND NOT $',
    tests: ['tests/engine/approvals/suspended.test.ts'],
  },
  {
    id: 'a-stale-setting-lets-everything-go',
    file: 'core/ports/db/authority.ts',
    find: 'const longestMs = 1_000;',
    replace: 'const longestMs = 1_000_000;',
    tests: [authority],
  },
];
