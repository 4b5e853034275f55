/** A bug that somebody might make: `find` occurs exactly once in `file`; with `replace` in its place one of `tests` has to fail. */
export interface Mutant {
  readonly id: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  /** Test files that should notice. */
  readonly tests: readonly string[];
}

const world = 'tests/engine/world/world.test.ts';
const journal = 'tests/engine/run/journal.test.ts';
const flush = 'tests/engine/run/flush.test.ts';
const scheduler = 'tests/engine/schedule/scheduler.test.ts';
const recover = 'tests/engine/run/recover.test.ts';
const random = 'tests/engine/run/random.test.ts';

/** Bugs of the statement that makes changes durable, and of the journal that sends it. */
const durable: readonly Mutant[] = [
  {
    id: 'fence-dropped',
    file: 'core/engine/run/flush.ts',
    find: `WHERE id = $1 AND state <> 'gone' FOR KEY SHARE`,
    replace: 'WHERE id = $1 FOR KEY SHARE',
    tests: [flush],
  },
  {
    id: 'fence-not-heard',
    file: 'core/engine/run/journal-line.ts',
    find: 'if (row.alive === 0) throw fenced();',
    replace: '',
    tests: [world],
  },
  {
    id: 'flush-number-not-compared',
    file: 'core/engine/run/flush.ts',
    find: ' WHERE f.no = $2::bigint RETURNING 1',
    replace: ' RETURNING 1',
    tests: [flush],
  },
  {
    id: 'flush-not-sent-again',
    file: 'core/engine/run/journal-line.ts',
    find: 'if (row.marked === 0) return this.#readBack(client, flush, no);',
    replace: 'if (row.marked === 0) return { admitted: true, newEffects: new Set() };',
    tests: [world, 'tests/engine/run/journal-loss.test.ts'],
  },
  {
    id: 'budget-below-its-limit',
    file: 'core/engine/run/flush.ts',
    find: 'reserve <= free + release - settle',
    replace: 'reserve < free + release - settle',
    tests: [flush],
  },
  {
    id: 'budget-without-what-is-reserved',
    file: 'core/engine/run/flush.ts',
    find: 'limit_micro_usd - reserved_micro_usd - settled_micro_usd AS free',
    replace: 'limit_micro_usd - settled_micro_usd AS free',
    tests: [journal],
  },
  {
    id: 'refused-calls-are-written',
    file: 'core/engine/run/flush.ts',
    find: `\${rowsOf('turns')} WHERE ok.yes)`,
    replace: `\${rowsOf('turns')})`,
    tests: [journal],
  },
  {
    id: 'an-end-is-overwritten',
    file: 'core/engine/run/flush.ts',
    find: 'WHERE (t.ended_at IS NULL OR t.ended_at = excluded.ended_at) AND t.attempt <= excluded.attempt',
    replace: 'WHERE t.attempt <= excluded.attempt',
    tests: [flush],
  },
  {
    id: 'an-older-attempt-wins',
    file: 'core/engine/run/flush.ts',
    find: ' AND t.attempt <= excluded.attempt RETURNING 1',
    replace: ' RETURNING 1',
    tests: [flush],
  },
  {
    id: 'effects-not-deduplicated',
    file: 'core/engine/run/flush.ts',
    find: 'ON CONFLICT (tenant_id, key) DO NOTHING RETURNING run_id, seq',
    replace:
      'ON CONFLICT (tenant_id, key) DO UPDATE SET args_sha256 = excluded.args_sha256 RETURNING run_id, seq',
    tests: [journal],
  },
  {
    id: 'told-before-it-is-durable',
    file: 'core/engine/run/journal.ts',
    find: 'this.#gathered.push({ change, durable });',
    replace:
      'this.#gathered.push({ change, durable: undefined });\n    queueMicrotask(() => durable?.({ admitted: true, newEffects: new Set((change.effects ?? []).map(({ key }) => key)) }));',
    tests: [world],
  },
  {
    id: 'a-refusal-takes-the-neighbours',
    file: 'core/engine/run/journal.ts',
    find: 'if (groups.length === 1) {',
    replace: 'if (groups.length > 0) {',
    tests: [journal],
  },
];

/** Bugs of what may start: scheduler, permits, budgets. */
const admission: readonly Mutant[] = [
  {
    id: 'one-too-many-of-a-module',
    file: 'core/engine/schedule/scheduler.ts',
    find: `>= this.#limits.perModule) return 'module'`,
    replace: `> this.#limits.perModule) return 'module'`,
    tests: [world, scheduler],
  },
  {
    id: 'one-too-many-of-a-run',
    file: 'core/engine/schedule/scheduler.ts',
    find: `>= runLimit) return 'run'`,
    replace: `> runLimit) return 'run'`,
    tests: [world, scheduler],
  },
  {
    id: 'a-runs-own-limit-forgotten',
    file: 'core/engine/schedule/scheduler.ts',
    find: 'this.#runLimits.set(run, limit);',
    replace: '',
    tests: [world],
  },
  {
    id: 'age-does-not-count',
    file: 'core/engine/schedule/scheduler.ts',
    find: 'return Math.floor(agedPriority(item) + now / ageStepMs);',
    replace: 'return item.priority + 0 * agedPriority(item) + 0 * (now / ageStepMs);',
    tests: [world, scheduler],
  },
  {
    id: 'lowest-first-in-the-heap',
    file: 'core/engine/schedule/ready.ts',
    find: 'return difference === 0 ? a.order < b.order : difference > 0;',
    replace: 'return difference === 0 ? a.order < b.order : difference < 0;',
    tests: [world, scheduler],
  },
  {
    id: 'most-served-module-first',
    file: 'core/engine/schedule/scheduler.ts',
    find: 'if (served !== 0) return served < 0;',
    replace: 'if (served !== 0) return served > 0;',
    tests: [scheduler],
  },
  {
    id: 'window-forgets-a-quantum-early',
    file: 'core/engine/limits/window.ts',
    find: 'new Array<number>(quanta + 1).fill(0)',
    replace: 'new Array<number>(quanta).fill(0)',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'window-below-its-limit',
    file: 'core/engine/limits/window.ts',
    find: 'return this.#sum + amount <= this.limit ||',
    replace: 'return this.#sum + amount < this.limit ||',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'refund-to-the-wrong-quantum',
    file: 'core/engine/limits/window.ts',
    find: 'if (now - quantum < this.#counts.length) this.#add(quantum, amount);',
    replace: 'if (now - quantum < this.#counts.length) this.#add(now, amount);',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'refund-to-a-quantum-that-is-gone',
    file: 'core/engine/limits/window.ts',
    find: 'if (now - quantum < this.#counts.length) this.#add(quantum, amount);',
    replace: 'this.#add(quantum, amount);',
    tests: ['tests/engine/limits/window.test.ts'],
  },
  {
    id: 'permit-not-given-back',
    file: 'core/engine/limits/permits.ts',
    find: 'gate.open -= 1;',
    replace: '',
    tests: [world],
  },
  {
    id: 'tokens-not-asked-for',
    file: 'core/engine/limits/permits.ts',
    find: `if (gate.tokens && !gate.tokens.allows(tokens, nowMs)) return 'model_tokens';`,
    replace: '',
    tests: [world, 'tests/engine/limits/permits.test.ts'],
  },
  {
    id: 'settled-money-not-counted',
    file: 'core/engine/limits/budget.ts',
    find: 'purse.settledMicroUsd += microUsd;',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'reservation-not-given-back',
    file: 'core/engine/limits/budget.ts',
    find: 'purse.reservedMicroUsd -= reservation.microUsd;',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'waits-for-money-that-never-comes',
    file: 'core/engine/limits/budget.ts',
    find: 'if (left < 0) return { scope, never: true };',
    replace: '',
    tests: [world, 'tests/engine/limits/budget.test.ts'],
  },
  {
    id: 'waiting-call-dropped',
    file: 'core/engine/run/turns.ts',
    find: 'else this.#waiting.push(each);',
    replace: '',
    tests: [world],
  },
  {
    id: 'lost-call-not-settled',
    file: 'core/engine/run/turns.ts',
    find: 'return attempt.call\n      ? this.#settle',
    replace: 'return attempt.call && attempt.turns < 0\n      ? this.#settle',
    tests: [world],
  },
];

/** Bugs of the run loop and of runs: starts, ends, timers, cancels. */
const course: readonly Mutant[] = [
  {
    id: 'slot-not-released',
    file: 'core/engine/run/loop.ts',
    find: 'this.#parts.scheduler.release({ run: run.facts.id, module });',
    replace: 'void module;',
    tests: [world],
  },
  {
    id: 'wake-up-lost',
    file: 'core/engine/run/loop.ts',
    find: 'changed: () => this.#pump(),',
    replace: 'changed: () => {},',
    tests: [world],
  },
  {
    id: 'no-timer-for-a-full-window',
    file: 'core/engine/run/loop.ts',
    find: 'this.#cancelWake = this.#parts.clock.after(Math.max(waitMs, 10), () => this.#pump());',
    replace: 'this.#cancelWake = () => {};',
    tests: [world],
  },
  {
    id: 'deadline-not-armed',
    file: 'core/engine/run/timers.ts',
    find: 'if (graph.deadlineMs === null) return;',
    replace: 'if (graph.deadlineMs !== -1) return;',
    tests: [world],
  },
  {
    id: 'timeout-not-armed',
    file: 'core/engine/run/launcher.ts',
    find: 'this.#armTimeout(attempt);',
    replace: '',
    tests: [world],
  },
  {
    id: 'retry-never-woken',
    file: 'core/engine/run/timers.ts',
    find: `if (step.status === 'waiting') awake();`,
    replace: `if (step.status === 'ready') awake();`,
    tests: [world],
  },
  {
    id: 'given-up-and-launched',
    file: 'core/engine/run/launcher.ts',
    find: 'if (!attempts.isLive(attempt)) return;\n    if (asked',
    replace: 'if (asked',
    tests: [world],
  },
  {
    id: 'a-late-message-counts',
    file: 'core/engine/run/attempts.ts',
    find: '    this.#live.delete(attempt.ref);',
    replace: '',
    tests: [world, 'tests/engine/dispatch.test.ts'],
  },
  {
    id: 'a-dependent-runs-after-a-failure',
    file: 'core/engine/run/join.ts',
    find: `if (other > 0) return 'skip';`,
    replace: `if (other > 0) return 'go';`,
    tests: [world, random],
  },
  {
    id: 'any-waits-for-nobody',
    file: 'core/engine/run/join.ts',
    find: `if (succeeded > 0) return 'go';`,
    replace: `return 'go';`,
    tests: [world, random],
  },
  {
    id: 'one-item-too-many',
    file: 'core/engine/run/foreach.ts',
    find: 'container.open < container.node.concurrency',
    replace: 'container.open <= container.node.concurrency',
    tests: [world, 'tests/engine/run/foreach.test.ts'],
  },
  {
    id: 'partial-is-not-allowed',
    file: 'core/engine/run/status.ts',
    find: `return fatal && !partial ? 'failed' : 'partial';`,
    replace: `return fatal ? 'failed' : 'partial';`,
    tests: [world, 'tests/engine/run/status.test.ts'],
  },
  {
    id: 'a-cancelled-run-stays-in-the-queue',
    file: 'core/engine/run/steering.ts',
    find: 'scheduler.withdraw((item) => item.owner === run);\n    // The run first',
    replace: '// The run first',
    tests: [world, 'tests/engine/steer.test.ts'],
  },
];

/** Bugs of what happens after a death, and outside. */
const survival: readonly Mutant[] = [
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
    find: 'await store.settleOrphans(row);',
    replace: '',
    tests: [world],
  },
  {
    id: 'taken-over-from-the-living',
    file: 'core/engine/run/lease.ts',
    find: 'AND (lease_until < now() OR id = ANY ($2::uuid[]))',
    replace: 'AND (true OR id = ANY ($2::uuid[]))',
    tests: ['tests/engine/run/take-over.test.ts'],
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

/** The planted bugs: docs/testing.md tells what became of each. */
export const mutants: readonly Mutant[] = [...durable, ...admission, ...course, ...survival];
