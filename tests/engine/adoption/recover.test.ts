import assert from 'node:assert/strict';
import fc from 'fast-check';
import { recover } from '../../../core/engine/adoption/recover.ts';
import { Run } from '../../../core/engine/run/run.ts';
import { isTerminal } from '../../../core/engine/run/states.ts';
import type { HistoryEntry } from '../../../core/engine/store/store.ts';
import { foreach, gate, nameOf, runOf, task } from '../../support/fixtures/graphs.ts';
import { aLife, allEnded, Simulation } from '../../support/fixtures/simulation.ts';
import { verifies } from '../../support/verifies.ts';

/** What is stored of a simulated run at this moment. */
function stored(simulation: Simulation) {
  const { steps } = simulation.run;
  const ended = new Set(steps.filter(({ status }) => isTerminal(status)).map(({ id }) => id));
  const open = steps
    .filter(({ id }) => !ended.has(id))
    .map(({ id, attempt, crashes }) => ({
      id,
      attempt,
      crashes,
      // As after an engine that ended in order: nothing of it runs any more.
      status: 'ready' as const,
      wait: null,
      wake_at: null,
      cost_micro_usd: 0,
      degraded: false,
      worker: null,
      started_at: null,
      recorded: 0,
    }));
  return { history: structuredClone(simulation.journal), ended, open, spentMicroUsd: 0 };
}

/** What matters of a run's steps; whoever takes it up starts anew what was running. */
function picture(run: Run) {
  return run.steps.map((step) => ({
    id: step.id,
    path: nameOf(step),
    status: step.status === 'running' && step.kind !== 'foreach' ? 'ready' : step.status,
    output: step.output,
    outputSeq: step.outputSeq,
    error: step.error?.code ?? null,
    failures: isTerminal(step.status) ? null : step.tries.failures,
    attempt: isTerminal(step.status) ? null : step.attempt,
  }));
}

describe('recover', () => {
  it('brings a run to the state that its journal tells, after any number of its events', () => {
    verifies('R8.crash', 'R9.restart', 'R12.replay');
    fc.assert(
      fc.property(aLife, fc.nat(80), (life, events) => {
        const simulation = new Simulation(life);
        for (let at = 0; !simulation.hasEnded && at < events; at += 1)
          simulation.advance((life.chances[at] ?? 7) + at);
        const again = new Run(simulation.run.facts, simulation.run.graph);

        recover(again, stored(simulation), 0);

        assert.deepEqual(picture(again), picture(simulation.run));
        assert.equal(again.status, simulation.run.status);
      }),
      { numRuns: 400 },
    );
  });

  it('asks again for exactly what was under way, so that the run ends as it would have', () => {
    fc.assert(
      fc.property(aLife, fc.nat(60), (life, events) => {
        const simulation = new Simulation(life);
        for (let at = 0; !simulation.hasEnded && at < events; at += 1)
          simulation.advance((life.chances[at] ?? 7) + at);
        const again = new Run(simulation.run.facts, simulation.run.graph);

        const { next } = recover(again, stored(simulation), 0);

        const asked = next.map((each) =>
          each.kind === 'ready'
            ? each.step.id
            : each.kind === 'expand'
              ? each.container.step.id
              : each.kind,
        );
        const { steps } = simulation.run;
        const wanted = steps
          .filter((step) => ['ready', 'running'].includes(step.status))
          .filter(
            (step) =>
              step.kind !== 'foreach' ||
              !simulation.journal.some(
                (entry) => entry.step === step.id && entry.kind === 'foreach.expanded',
              ),
          );
        if (simulation.hasEnded) assert.deepEqual(asked, ['ended']);
        else assert.deepEqual([...asked].sort(), wanted.map(({ id }) => id).sort());
      }),
      { numRuns: 300 },
    );
  });

  it('knows that a run was cancelled: what still ran is ended, what ended afterwards keeps its end', () => {
    verifies('R8.cancel');
    fc.assert(
      fc.property(aLife, fc.nat(30), fc.nat(30), (life, before, after) => {
        const simulation = new Simulation(life);
        for (let at = 0; !simulation.hasEnded && at < before; at += 1)
          simulation.advance((life.chances[at] ?? 7) + at);
        if (simulation.hasEnded) return;
        simulation.cancel();
        for (let at = 0; !simulation.hasEnded && at < after; at += 1)
          simulation.advance((life.chances[100 + at] ?? 7) + at);
        const again = new Run(simulation.run.facts, simulation.run.graph);

        const { next } = recover(again, stored(simulation), 0);

        assert.deepEqual(next, [{ kind: 'ended', status: 'cancelled' }]);
        assert.ok(allEnded(again));
        for (const step of simulation.run.steps)
          if (isTerminal(step.status))
            assert.equal(again.steps[step.id]?.status, step.status, nameOf(step));
      }),
      { numRuns: 300 },
    );
  });

  it('writes again what was open or not stored, and never what has ended', () => {
    fc.assert(
      fc.property(aLife, fc.nat(60), (life, events) => {
        const simulation = new Simulation(life);
        for (let at = 0; !simulation.hasEnded && at < events; at += 1)
          simulation.advance((life.chances[at] ?? 7) + at);
        const again = new Run(simulation.run.facts, simulation.run.graph);
        const { ended, open, history } = stored(simulation);
        // The end of one step was decided, but its row had not been written.
        const [lost] = [...ended];
        if (lost !== undefined) ended.delete(lost);

        recover(again, { ended, open, history, spentMicroUsd: 0 }, 0);

        const written = again.takeChanged().map(({ id }) => id);
        assert.deepEqual(
          written.filter((id) => ended.has(id)),
          [],
        );
        if (lost !== undefined) assert.ok(written.includes(lost));
        for (const { id } of open) assert.ok(written.includes(id));
      }),
      { numRuns: 100 },
    );
  });

  it('knows since when a list runs that opens because a step was being ended when its engine died', () => {
    const nodes = [task('one'), foreach('list', { after: ['one'], join: 'all_done' })];
    const run = runOf(nodes);
    const entry = (seq: number, kind: string, data: Readonly<Record<string, unknown>>) => ({
      ...{ seq, kind, data, step: 0, body: null },
    });
    const row = {
      ...{ wait: null, wake_at: null, crashes: 0, cost_micro_usd: 0, degraded: false },
      ...{ worker: null, recorded: 0 },
    };
    const open = [
      { ...row, id: 0, status: 'running' as const, attempt: 1, started_at: new Date(5) },
      { ...row, id: 1, status: 'pending' as const, attempt: 0, started_at: null },
    ];
    const history = [
      entry(2, 'step.started', { attempt: 1 }),
      entry(3, 'step.cancelling', { subtree: false, running: [0] }),
    ];

    recover(run, { history, open, ended: new Set(), spentMicroUsd: 0 }, 9_000);

    assert.equal(run.steps[1]?.status, 'running');
    assert.equal(run.steps[1]?.startedAt, 9_000);
  });

  it('tells what expressions decide by what a retry has taken over, once', () => {
    const nodes = [task('one'), gate('open', 'true', { after: ['one'] })];
    const carried = { seq: 2, step: 0, kind: 'step.succeeded', data: { carried: true }, body: '1' };
    const told = { seq: 3, step: 1, kind: 'gate.decided', data: { open: true }, body: null };
    const decided = (history: readonly HistoryEntry[]) =>
      recover(runOf(nodes), { history, open: [], ended: new Set(), spentMicroUsd: 0 }, 0)
        .changes.flatMap(({ entries = [] }) => entries)
        .map(({ kind, step }) => `${kind} ${step}`);

    assert.deepEqual(decided([carried]), ['gate.decided 1']);
    assert.deepEqual(decided([carried, told]), []);
  });
});
