import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const recover = 'tests/engine/run/recover.test.ts';

/** Bugs of what happens after a death, and outside. */
export const survival: readonly Mutant[] = [
  {
    id: 'ended-steps-run-again',
    file: 'core/engine/run/recover.ts',
    find: `case 'step.succeeded': {`,
    replace: `case 'step.never': {`,
    tests: [world, recover],
  },
  {
    id: 'ended-steps-written-again',
    file: 'core/engine/run/recover.ts',
    find: 'if (!stored.ended.has(step.id)) run.touch(step);',
    replace: 'run.touch(step);',
    tests: [world, recover],
  },
  {
    id: 'items-read-again',
    file: 'core/engine/run/recover.ts',
    find: `case 'foreach.expanded': {`,
    replace: `case 'foreach.never': {`,
    tests: [world, recover],
  },
  {
    id: 'attempts-counted-anew',
    file: 'core/engine/run/recover.ts',
    find: 'Object.assign(step, { attempt, crashes,',
    replace: 'Object.assign(step, { crashes,',
    tests: [world],
  },
  {
    id: 'a-conversation-paid-for-again',
    file: 'core/engine/run/launcher.ts',
    find: `if (attempt.mode === 'playbook' || attempt.recorded === 0)`,
    replace: `if (attempt.mode === 'playbook' || attempt.recorded >= 0)`,
    tests: [world],
  },
  {
    id: 'a-wait-forgotten',
    file: 'core/engine/run/recover.ts',
    find: `if (row.status === 'waiting') this.#wait(step, row);`,
    replace: '',
    tests: [recover, 'tests/engine/resume.test.ts', world],
  },
  {
    id: 'numbers-given-twice',
    file: 'core/engine/run/adopt.ts',
    find: 'run.seq = seq;',
    replace: 'run.seq = Math.min(seq, 1);',
    tests: [world],
  },
  {
    id: 'orphans-cost-nothing',
    file: 'core/engine/run/store.ts',
    find: `SET state = 'estimated', cost_micro_usd = l.reserved_micro_usd`,
    replace: `SET state = 'estimated', cost_micro_usd = 0`,
    tests: ['tests/engine/run/store.test.ts'],
  },
  {
    id: 'orphans-stay-reserved',
    file: 'core/engine/run/adopt.ts',
    find: 'of await store.settleOrphans(row, { boot, upToSeq }))',
    replace: 'of [])',
    tests: [world],
  },
  {
    id: 'taken-over-from-the-living',
    file: 'core/engine/run/lease.ts',
    find: 'AND (lease_until < now() OR id = ANY',
    replace: 'AND (true OR id = ANY',
    tests: ['tests/engine/run/store.test.ts'],
  },
  {
    id: 'an-unheard-claim-is-forgotten',
    file: 'core/engine/run/claims.ts',
    find: 'if (isAnswerLost(error)) this.#lostAt = this.#parts.clock.monotonic();',
    replace: '',
    tests: ['tests/engine/run/claims.test.ts'],
  },
  {
    id: 'ends-before-the-question-untold',
    file: 'core/engine/run/endings.ts',
    find: 'ended_at IS NOT NULL',
    replace: 'ended_at > now()',
    tests: ['tests/engine/run/endings.test.ts'],
  },
  {
    id: 'run-taken-from-its-owner',
    file: 'core/engine/run/store.ts',
    find: 'WHERE owner IS NULL AND ended_at IS NULL AND journal_v',
    replace: 'WHERE ended_at IS NULL AND journal_v',
    tests: ['tests/engine/run/store.test.ts'],
  },
  {
    id: 'an-applied-effect-is-applied-again',
    file: 'core/guard/perform.ts',
    find: `    case 'applied':\n    case 'replayed':\n      return replay(doing, known);`,
    replace: `    case 'replayed':\n      return replay(doing, known);\n    case 'applied':\n      return await act(doing, { isRepeat: true });`,
    tests: ['tests/guard/perform.test.ts', 'tests/guard/invoke.test.ts'],
  },
  {
    id: 'a-lost-thread-keeps-its-jobs',
    file: 'worker/pool.ts',
    find: 'this.#started?.events.lost(ref, reason, ref === current);',
    replace: 'if (ref === current) this.#started?.events.lost(ref, reason, true);',
    tests: ['tests/worker/pool.test.ts', 'tests/worker/faults.test.ts'],
  },
  {
    id: 'the-innocent-are-suspects',
    file: 'worker/pool.ts',
    find: 'this.#started?.events.lost(ref, reason, ref === current);',
    replace: 'this.#started?.events.lost(ref, reason, true);',
    tests: ['tests/worker/faults.test.ts'],
  },
];
