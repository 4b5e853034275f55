import type { Mutant } from './mutant.ts';

const truth = 'tests/engine/telemetry/truth.test.ts';
const takeOver = 'tests/engine/telemetry/take-over.test.ts';
const metrics = 'tests/base/telemetry/metrics.test.ts';
const scrub = 'tests/base/telemetry/scrub.test.ts';
const deliveries = 'tests/service/webhooks/deliveries.test.ts';

/** What telemetry says, and what it must not. */
export const telemetry: readonly Mutant[] = [
  {
    id: 'names-that-come-from-outside-fill-the-memory',
    file: 'core/base/telemetry/metrics.ts',
    find: 'if (series.cells.length >= mostPoints && ',
    replace: 'if (series.cells.length < 0 && ',
    tests: [metrics],
  },
  {
    id: 'an-encoded-secret-passes',
    file: 'core/base/telemetry/scrub.ts',
    find: '      encodeURIComponent(each),\n',
    replace: '',
    tests: [scrub],
  },
  {
    id: 'rehearsals-cost-money',
    file: 'core/engine/telemetry/measures.ts',
    find: 'if (!run.facts.rehearsal) for (const row of settles ?? none) this.#settled(step, row);',
    replace: 'for (const row of settles ?? none) this.#settled(step, row);',
    tests: [truth],
  },
  {
    id: 'attempts-of-the-dead-have-no-span',
    file: 'core/engine/loop/spans.ts',
    find: 'if (!this.#ids || !step || !attempts || !this.#runs.has(run)) return change;',
    replace: 'if (run) return change;',
    tests: [takeOver],
  },
  {
    id: 'a-cost-is-counted-for-its-first-token',
    file: 'core/engine/telemetry/measures.ts',
    find: "metrics.add('tutti.cost.micro_usd', costMicroUsd, { model, module: moduleOf(step) });",
    replace: "metrics.add('tutti.cost.micro_usd', 1, { model, module: moduleOf(step) });",
    tests: [truth],
  },
  {
    id: 'an-attempt-at-a-delivery-is-counted-as-one-that-ended-it',
    file: 'core/service/webhooks/deliveries.ts',
    find: "if (state === 'delivered' || state === 'failed')",
    replace: "if (state !== 'delivered' && state !== null)",
    tests: [deliveries],
  },
];
