import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const regressions = 'tests/engine/world/regressions.test.ts';
const gate = 'tests/engine/limits/gate.test.ts';
const turns = 'core/engine/loop/turns.ts';

/** Bugs of conversations that wait: slots, deadlines, calls that are made again, money that somebody has to raise. */
export const calls: readonly Mutant[] = [
  {
    id: 'a-waiting-conversation-keeps-its-slot',
    file: turns,
    find: 'scheduler.release(item);\n    if (delayMs === 0)',
    replace: 'if (delayMs === 0)',
    tests: [world],
  },
  {
    id: 'a-deadline-runs-while-it-waits',
    file: turns,
    find: 'attempt.deadline?.pause();',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-deadline-stays-paused',
    file: turns,
    find: 'attempt.deadline?.resume();',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-new-start-overtakes-a-conversation',
    file: 'core/engine/loop/admission.ts',
    find: `if (item.kind === 'turn') kept.keep(item, refused);`,
    replace: '',
    tests: [world],
  },
  {
    id: 'conversations-wait-with-the-batch',
    file: turns,
    find: `service: 'follow_up' as const,`,
    replace: `service: 'batch' as const,`,
    tests: [world],
  },
  {
    id: 'a-call-is-made-again-without-end',
    file: turns,
    find: 'failed.tries >= triesPerTurn || ',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-call-is-made-again-without-budget',
    file: turns,
    find: ' || !broker.retries(calledModel)',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-retry-is-charged-to-the-first-model',
    file: turns,
    find: 'attempt.calledModel = grant.model;',
    replace: 'attempt.calledModel = this.modelOf(attempt.registered);',
    tests: [world],
  },
  {
    id: 'a-call-that-never-left-is-paid',
    file: 'worker/thread/turn.ts',
    find: 'return hasLeft && !isTurnedAway;',
    replace: 'return (hasLeft || !hasLeft) && !isTurnedAway;',
    tests: ['tests/worker/turn.test.ts'],
  },
  {
    id: 'one-effect-is-begun-twice-at-once',
    file: 'core/guard/in-turn.ts',
    find: 'calls.get(key)?.then(work, work) ?? work()',
    replace: 'calls.get(key.slice(1))?.then(work, work) ?? work()',
    tests: ['tests/worker/same-effect.test.ts'],
  },
  {
    id: 'refusals-count-among-the-tries',
    file: 'worker/thread/turn.ts',
    find: 'const tries = (failures[reply.code] ?? 0) + 1;',
    replace: 'const tries = Object.values(failures).reduce((sum, each) => sum + each, 0) + 1;',
    tests: ['tests/worker/turn.test.ts'],
  },
  {
    id: 'a-call-that-has-not-left-is-free',
    file: 'core/engine/limits/window.ts',
    find: 'return this.#fits(this.#sum + this.#held, amount);',
    replace: 'return this.#fits(this.#sum, amount);',
    tests: [gate, world],
  },
  {
    id: 'a-call-that-leaves-is-not-heard',
    file: 'core/engine/loop/attempts.ts',
    find: 'return turns.sent(attempt);',
    replace: 'return;',
    tests: [world],
  },
  {
    id: 'a-thread-hears-everything-at-once',
    file: 'worker/thread/thread.ts',
    find: 'const heardAtOnce = 16;',
    replace: 'const heardAtOnce = 1_000;',
    tests: ['tests/worker/cold.test.ts'],
  },
  {
    id: 'even-calls-begin-with-the-first-answer',
    file: 'core/engine/limits/pace.ts',
    find: 'this.#episodes = 0;\n    if',
    replace:
      'if (this.#episodes > 0) this.#evenUntil = now + evenMs;\n    this.#episodes = 0;\n    if',
    tests: ['tests/engine/limits/pace.test.ts'],
  },
  {
    id: 'a-busy-provider-fails-the-attempt',
    file: turns,
    find: 'return failed.tries < busyTriesPerTurn ? 0 : null;',
    replace: 'return failed.tries < triesPerTurn ? 0 : null;',
    tests: [world],
  },
  {
    id: 'a-denied-call-is-not-answered',
    file: turns,
    find: 'if (delayMs === null) return this.#tellDenied(attempt, ask.failed?.error as ErrorData);',
    replace: 'if (delayMs === null) return;',
    tests: [world],
  },
  {
    id: 'what-a-provider-asks-for-is-not-heard',
    file: 'core/engine/loop/call-end.ts',
    find: '...(retryAfterMs !== undefined && { retryAfterMs }),',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-call-goes-to-the-first-model',
    file: turns,
    find: 'target: (call as Call).grant.target',
    replace: 'target: 0',
    tests: [world],
  },
  {
    id: 'a-cancelled-conversation-gets-its-call',
    file: turns,
    find: 'if (!isLive(attempt) || isEnding(attempt)) return;',
    replace: 'if (!isLive(attempt)) return;',
    tests: [world],
  },
  {
    id: 'a-timer-starts-work-while-draining',
    file: 'core/engine/loop/admission.ts',
    find: 'clock.after(Math.max(waitMs, shortestLookMs), this.#parts.changed);',
    replace: 'clock.after(Math.max(waitMs, shortestLookMs), () => this.look(isDraining));',
    tests: [world],
  },
  {
    id: 'a-reservation-is-told-a-flush-too-late',
    file: 'core/engine/journal/journal.ts',
    find: 'const reserves = (change.turns ?? []).length > 0;',
    replace: 'const reserves = (change.turns ?? []).length < 0;',
    tests: [world],
  },
  {
    id: 'raised-budgets-wake-nobody',
    file: 'core/engine/loop/people.ts',
    find: `if (step.wait === 'budget') this.#events.wake(run, step);`,
    replace: '',
    tests: [world],
  },
  {
    id: 'raised-while-it-was-denied',
    file: 'core/engine/loop/people.ts',
    find: `if (step.status === 'running') this.#moved.add(step);`,
    replace: '',
    tests: [regressions, world],
  },
];
