import type { Mutant } from './mutant.ts';

const remote = 'tests/worker/machines/machines.test.ts';

/** Bugs of agents on other machines. */
export const machines: readonly Mutant[] = [
  {
    id: 'a-word-outlives-the-lease',
    file: 'worker/machines/far-lane.ts',
    find: 'leaseUntilNs < wordUntilNs ? leaseUntilNs : wordUntilNs',
    replace: 'wordUntilNs',
    tests: [remote],
  },
  {
    id: 'another-clock-is-known-for-ever',
    file: 'worker/machines/engine-time.ts',
    find: 'before.aheadNs + strayed(askedNs - before.asOfNs)',
    replace: 'before.aheadNs',
    tests: ['tests/worker/machines/engine-time.test.ts'],
  },
  {
    id: 'a-machine-speaks-for-every-job',
    file: 'worker/pool/roster.ts',
    find: 'if (!by.jobs.has(message.ref) || over.has(message.ref)) continue;',
    replace: '',
    tests: ['tests/worker/machines/strangers.test.ts'],
  },
  {
    id: 'who-waits-in-vain-waits-on',
    file: 'worker/pool/roster.ts',
    find: 'this.#waiting = this.#waiting.filter((waiting) => !meant(waiting));',
    replace: '',
    tests: ['tests/worker/roster.test.ts'],
  },
  {
    id: 'a-job-elsewhere-writes-for-ever',
    file: 'worker/pool/roster.ts',
    find: 'running?.endWriting();',
    replace: '',
    tests: ['tests/worker/roster.test.ts'],
  },
  {
    id: 'a-step-without-a-machine-is-expected-to-end',
    file: 'core/engine/explain/tasks.ts',
    find: 'if (this.#awaited.has(step)) return { ...running, ...endless };',
    replace: '',
    tests: ['tests/engine/explain/machine-wait.test.ts'],
  },
];
