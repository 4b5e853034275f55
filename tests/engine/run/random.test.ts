import assert from 'node:assert/strict';
import fc from 'fast-check';
import { isTerminal } from '../../../core/engine/run/states.ts';
import { statusOf } from '../../../core/engine/run/status.ts';
import type { Step } from '../../../core/engine/run/step.ts';
import { aLife, allEnded, type Life, Simulation } from '../../support/fixtures/simulation.ts';
import { verifies } from '../../support/verifies.ts';

const numRuns = 300;

/** Lives a whole life; more chances than any of these graphs needs. */
function live(
  life: Life,
  options: {
    readonly onStart?: (step: Step, of: Simulation) => void;
    readonly cancelAfter?: number;
  } = {},
): Simulation {
  const simulation: Simulation = new Simulation(life, (step) =>
    options.onStart?.(step, simulation),
  );
  for (let at = 0; !simulation.hasEnded && at < 2_000; at += 1) {
    if (at === options.cancelAfter) simulation.cancel();
    else simulation.advance((life.chances[at % life.chances.length] as number) + at);
  }
  return simulation;
}

/** Whether what a step waits for has ended as its join asks, read from the steps themselves. */
function mayStart(step: Step, { run }: Simulation): boolean {
  const around = step.item ? step.item.steps : run.steps.slice(0, run.graph.nodes.length);
  const deps = step.place.deps.map((dep) => (around[dep] as Step).status);
  if (deps.length === 0) return true;
  switch (step.place.join) {
    case 'all_succeeded':
      return deps.every((status) => status === 'succeeded');
    case 'all_done':
      return deps.every(isTerminal);
    case 'any':
      return deps.includes('succeeded');
  }
}

describe('a run of any graph, in any order, with any outcomes', () => {
  it('starts no step before its dependencies have ended as its join asks', () => {
    verifies('R2.topological', 'R14.races');
    fc.assert(
      fc.property(aLife, (life) => {
        live(life, { onStart: (step, of) => assert.ok(mayStart(step, of), step.node) });
      }),
      { numRuns },
    );
  });

  it('has one live attempt a step, and never changes an end', () => {
    fc.assert(
      fc.property(aLife, (life) => {
        const simulation: Simulation = new Simulation(life, (step) =>
          assert.equal(step.status, 'ready'),
        );
        const ended = new Map<Step, string>();
        for (let at = 0; !simulation.hasEnded && at < 2_000; at += 1) {
          simulation.advance((life.chances[at % life.chances.length] as number) + at);
          for (const step of simulation.run.steps) {
            if (ended.has(step)) assert.equal(step.status, ended.get(step));
            else if (isTerminal(step.status)) ended.set(step, step.status);
          }
        }
      }),
      { numRuns },
    );
  });

  it('ends, once, with every step at its end and the status that follows from them', () => {
    verifies('R1.dag');
    fc.assert(
      fc.property(aLife, (life) => {
        const { run, ends } = live(life);

        assert.ok(allEnded(run));
        assert.equal(ends, 1);
        assert.equal(run.status, statusOf(run.steps, life.partial));
      }),
      { numRuns },
    );
  });

  it('starts nothing after it was cancelled, and ends all the same', () => {
    verifies('R8.cancel');
    fc.assert(
      fc.property(aLife, fc.nat(60), (life, cancelAfter) => {
        const { run, ends, starts, cancelledAt } = live(life, { cancelAfter });

        assert.ok(allEnded(run));
        assert.equal(ends, 1);
        if (cancelledAt === null) return;
        assert.equal(starts.length, cancelledAt);
        assert.equal(run.status, 'cancelled');
      }),
      { numRuns },
    );
  });

  it('takes the same course again with the same chances', () => {
    fc.assert(
      fc.property(aLife, (life) => {
        const [one, two] = [live(life), live(life)];

        assert.deepEqual(one.starts, two.starts);
        assert.deepEqual(one.journal, two.journal);
      }),
      { numRuns: 100 },
    );
  });
});
