import type { Mutant } from './mutant.ts';

const outside = 'core/engine/outside/outside.ts';
const world = 'tests/engine/world/world.test.ts';

/** Of steps that wait for moments, for people and for runs that they start. */
export const waits: readonly Mutant[] = [
  {
    id: 'what-follows-a-second-look-waits',
    file: outside,
    find: 'const again = (): void => void this.late(run, step).then(() => events.changed());',
    replace: 'const again = (): void => void this.late(run, step);',
    tests: ['tests/engine/world/regressions.test.ts'],
  },
  {
    id: 'a-moment-is-lost-with-its-engine',
    file: 'core/engine/adoption/recover.ts',
    find: 'else if (wait !== null) this.#run.wait(step, wait, at);',
    replace: 'else if (wait !== null) this.#run.wait(step, wait);',
    tests: [world],
  },
  {
    id: 'a-retry-starts-runs-anew',
    file: 'core/engine/outside/children.ts',
    find: 'if (former?.workflow === workflow) return await this.#retry(former, request);',
    replace: 'if (former?.id === workflow) return await this.#retry(former, request);',
    tests: [world],
  },
];
