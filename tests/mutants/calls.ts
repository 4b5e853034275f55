import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const regressions = 'tests/engine/world/regressions.test.ts';
const turns = 'core/engine/run/turns.ts';

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
    file: 'core/engine/run/admission.ts',
    find: `if (item.kind === 'turn') kept.keep(item, refused.scope);`,
    replace: '',
    tests: [world],
  },
  {
    id: 'conversations-wait-with-the-batch',
    file: turns,
    find: `service: 'follow_up',`,
    replace: `service: 'batch',`,
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
    find: ' || !broker.retries(this.modelOf(registered))',
    replace: '',
    tests: [world],
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
    file: turns,
    find: '...(retryAfterMs !== undefined && { retryAfterMs }),',
    replace: '',
    tests: [world],
  },
  {
    id: 'a-call-goes-to-the-first-model',
    file: turns,
    find: 'target: call.grant.target',
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
    file: 'core/engine/run/admission.ts',
    find: 'clock.after(Math.max(waitMs, shortestLookMs), this.#parts.changed);',
    replace: 'clock.after(Math.max(waitMs, shortestLookMs), () => this.look(isDraining));',
    tests: [world],
  },
  {
    id: 'a-reservation-is-told-a-flush-too-late',
    file: 'core/engine/run/journal.ts',
    find: 'const reserves = (change.turns ?? []).length > 0;',
    replace: 'const reserves = (change.turns ?? []).length < 0;',
    tests: [world],
  },
  {
    id: 'raised-budgets-wake-nobody',
    file: 'core/engine/run/people.ts',
    find: `if (step.wait === 'budget') this.#events.wake(run, step);`,
    replace: '',
    tests: [world],
  },
  {
    id: 'raised-while-it-was-denied',
    file: 'core/engine/run/people.ts',
    find: `if (step.status === 'running') this.#moved.add(step);`,
    replace: '',
    tests: [regressions, world],
  },
];
