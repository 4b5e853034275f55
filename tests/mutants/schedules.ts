import type { Mutant } from './mutant.ts';

const policies = 'tests/service/schedules/policies.test.ts';
const once = 'tests/service/schedules/once.test.ts';
const property = 'tests/service/schedules/property.test.ts';
const trigger = 'tests/service/schedules/trigger.test.ts';
const backfill = 'tests/service/schedules/backfill.test.ts';
const cron = 'tests/sdk/cron.test.ts';

/** Of schedules, their slots and backfills. */
export const schedules: readonly Mutant[] = [
  {
    id: 'a-list-of-times-comes-twice-when-clocks-go-back',
    file: 'core/sdk/calendar/cron.ts',
    find: "    fixedTimeRule: 'no-wildcard',\n",
    replace: '',
    tests: [cron],
  },
  {
    id: 'a-slot-is-decided-without-a-lock',
    file: 'core/service/schedules/slot-store.ts',
    find: 'WHERE tenant_id = $1 AND name = $2 FOR UPDATE`',
    replace: 'WHERE tenant_id = $1 AND name = $2`',
    tests: [once],
  },
  {
    id: 'a-slot-has-a-run-of-its-own-for-each-who-fires-it',
    file: 'core/service/schedules/firings.ts',
    find: 'key: row.run_key, businessDate',
    replace: '...(Math.random() > 2 && { key: row.run_key }), businessDate',
    tests: [once],
  },
  {
    id: 'a-slot-that-is-due-is-left-to-whoever-decided-it',
    file: 'core/service/schedules/schedules.ts',
    find: 'await this.#apart(() => this.#firings.fireDue(tenantId, apart));',
    replace:
      'if (open.size === 0) await this.#apart(() => this.#firings.fireDue(tenantId, apart));',
    tests: [once, policies],
  },
  {
    id: 'a-late-slot-beside-a-newer-one-starts',
    file: 'core/service/schedules/decide.ts',
    find: "const isOnlyLast = catchUp.which === 'last' && isLate(slot, now);",
    replace: "const isOnlyLast = catchUp.which === 'none' && isLate(slot, now);",
    tests: [property],
  },
  {
    id: 'the-window-of-catching-up-has-no-end',
    file: 'core/service/schedules/decide.ts',
    find: "catchUp.which === 'none' || now - slot.dueAt > catchUp.windowMs",
    replace: "catchUp.which === 'none' || now - slot.dueAt > 2 * catchUp.windowMs",
    tests: [property],
  },
  {
    id: 'what-waits-is-no-overlap',
    file: 'core/service/schedules/decide.ts',
    find: 'const isFree = open + queued === 0',
    replace: 'const isFree = open === 0',
    tests: [property],
  },
  {
    id: 'a-queue-lets-go-beside-a-run',
    file: 'core/service/schedules/advance.ts',
    find: 'if (open > 0 || queued === 0) return;',
    replace: 'if (open > 1 || queued === 0) return;',
    tests: [property],
  },
  {
    id: 'what-was-paused-is-caught-up-with',
    file: 'core/service/schedules/desk.ts',
    find: '    await advance(this.#parts, registered, { tenantId, now: await this.#parts.now() });\n',
    replace: '',
    tests: [policies],
  },
  {
    id: 'a-failure-pauses-the-slot-after-the-next',
    file: 'core/service/schedules/advance.ts',
    find: '(row.paused_at?.getTime() ?? null) : 0;',
    replace: '(row.paused_at?.getTime() ?? null) : null;',
    tests: [policies],
  },
  {
    id: 'a-trigger-forgets-a-failure',
    file: 'core/service/schedules/trigger.ts',
    find: 'await settleRuns(client, registered, {',
    replace: 'await settleRuns(client, { schedule: { ...schedule, pauseOnFailure: false } }, {',
    tests: [trigger],
  },
  {
    id: 'a-backfill-runs-what-goes-on',
    file: 'core/service/schedules/backfill-plan.ts',
    find: "if (known === 'running') return 'running';",
    replace: "if (known === 'running' && reprocess === 'none') return 'running';",
    tests: [backfill],
  },
  {
    id: 'a-backfill-runs-all-at-once',
    file: 'core/service/schedules/backfills.ts',
    find: 'LIMIT greatest(0, $3 - (',
    replace: 'LIMIT greatest(0, $3 + (',
    tests: [backfill],
  },
];
