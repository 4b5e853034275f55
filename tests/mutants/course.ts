import type { Mutant } from './mutant.ts';

const world = 'tests/engine/world/world.test.ts';
const random = 'tests/engine/run/random.test.ts';

/** Bugs of the run loop and of runs: starts, ends, timers, cancels. */
export const course: readonly Mutant[] = [
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
    find: 'const changed = (): void => this.look();',
    replace: 'const changed = (): void => {};',
    tests: [world],
  },
  {
    id: 'no-timer-for-a-full-window',
    file: 'core/engine/run/admission.ts',
    find: 'this.#cancelLook = clock.after(Math.max(waitMs, shortestLookMs), this.#parts.changed);',
    replace: 'this.#cancelLook = () => {};',
    tests: [world],
  },
  {
    id: 'deadline-not-armed',
    file: 'core/engine/run/timers.ts',
    find: 'if (deadline === null) return;',
    replace: 'if (deadline !== -1) return;',
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
    find: 'if (attempts.isLive(attempt)) this.#launch(attempt, { input, trust }, denied);',
    replace: 'this.#launch(attempt, { input, trust }, denied);',
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
