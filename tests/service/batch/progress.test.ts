import assert from 'node:assert/strict';
import fc from 'fast-check';
import {
  foldEntries,
  foldSteps,
  namesNewStep,
  noProgress,
  type ProgressEntry,
  viewProgress,
} from '../../../core/service/batch/progress.ts';

const steps = [
  { id: 0, kind: 'foreach', agent: null, status: 'running' },
  { id: 1, kind: 'task', agent: 'finance.match', status: 'ready' },
  { id: 2, kind: 'task', agent: 'hr.payroll', status: 'ready' },
  { id: 3, kind: 'reduce', agent: 'hr.summary', status: 'pending' },
];

const known = foldSteps(noProgress, steps);

type Line = readonly [seq: number, kind: string, step: number | null, data?: ProgressEntry['data']];

function entry([seq, kind, step, data = {}]: Line): ProgressEntry {
  return { seq, kind, step, at: new Date(1_000 * seq), data };
}

describe('the progress of a run', () => {
  it('counts agents by module as their entries come', () => {
    const progress = foldEntries(known, [
      entry([1, 'run.created', null]),
      entry([2, 'step.started', 1]),
      entry([3, 'step.started', 2]),
      entry([4, 'finding', 1, { severity: 'high' }]),
      entry([5, 'step.succeeded', 1]),
      entry([6, 'step.failed', 2]),
    ]);

    const view = viewProgress(progress, 10_000, 0);

    assert.deepEqual(view.modules, [
      { module: 'finance', total: 1, ended: 1, running: 0, failed: 0, findings: 1 },
      { module: 'hr', total: 2, ended: 1, running: 0, failed: 1, findings: 0 },
    ]);
    assert.deepEqual([view.ended, view.total, view.running, view.failed], [2, 3, 0, 1]);
    assert.equal(view.findings.high, 1);
    assert.equal(view.elapsedMs, 8_000);
  });

  it('counts what a retry has taken over where it belongs, although its steps are known later', () => {
    const carried = foldEntries(noProgress, [
      entry([1, 'run.created', null]),
      entry([2, 'step.succeeded', 1, { carried: true }]),
      entry([3, 'finding', 1, { severity: 'high', carried: true }]),
      entry([4, 'finding', 2, { severity: 'low', carried: true }]),
      entry([5, 'step.succeeded', 2, { carried: true }]),
    ]);
    assert.deepEqual(viewProgress(carried, 9_000, 0).modules, []);
    assert.equal(namesNewStep(carried, [entry([6, 'step.started', 3])]), true);

    const progress = foldEntries(foldSteps(carried, steps), [entry([6, 'step.started', 3])]);

    const view = viewProgress(progress, 9_000, 0);
    assert.deepEqual(view.modules, [
      { module: 'finance', total: 1, ended: 1, running: 0, failed: 0, findings: 1 },
      { module: 'hr', total: 2, ended: 1, running: 1, failed: 0, findings: 1 },
    ]);
    assert.deepEqual([view.findings.high, view.findings.low], [1, 1]);
  });

  it('foretells the rest of a retry by what it has done itself', () => {
    const many = Array.from({ length: 40 }, (_, id) => ({
      ...{ id, kind: 'task', agent: 'hr.payroll', status: 'ready' },
    }));
    const carried = foldEntries(
      foldSteps(noProgress, many),
      many.slice(0, 20).map(({ id }) => entry([id + 1, 'step.succeeded', id, { carried: true }])),
    );
    const begun = foldEntries(carried, [
      entry([21, 'step.started', 20]),
      entry([22, 'step.succeeded', 20]),
    ]);
    assert.equal(viewProgress(begun, 31_000, 0).remainingMs, null);

    const half = many.slice(21, 30).map(({ id }) => entry([id + 2, 'step.succeeded', id]));
    assert.equal(viewProgress(foldEntries(begun, half), 31_000, 0).remainingMs, 10_000);
  });

  it('adds up calls, records, money and proposals, a proposal named twice once', () => {
    const progress = foldEntries(known, [
      entry([1, 'tool.called', 1, { records: 20 }]),
      entry([2, 'tool.called', 1, { records: 3 }]),
      entry([3, 'turn.ended', 1, { costMicroUsd: 1_500 }]),
      entry([4, 'effect.proposed', 1, { key: 'a' }]),
      entry([5, 'effect.proposed', 2, { key: 'a' }]),
    ]);

    assert.deepEqual(
      [progress.toolCalls, progress.recordsRead, progress.costMicroUsd],
      [2, 23, 1_500],
    );
    assert.equal(progress.proposals.size, 1);
  });

  for (const kind of ['step.retrying', 'step.waiting', 'step.lost']) {
    it(`puts an agent back among those that wait after ${kind}`, () => {
      const progress = foldEntries(known, [entry([1, 'step.started', 1]), entry([2, kind, 1])]);

      assert.equal(progress.places.get(1)?.state, 'waiting');
    });
  }

  for (const kind of ['step.skipped', 'step.cancelled']) {
    it(`counts an agent that has begun as ended after ${kind}`, () => {
      const progress = foldEntries(known, [entry([1, 'step.started', 1]), entry([2, kind, 1])]);

      const { ended, running, failed } = viewProgress(progress, 0, 0);
      assert.deepEqual([ended, running, failed], [1, 0, 0]);
    });
  }

  it('has nobody at work and nobody waiting when its run has ended, whatever no entry has told', () => {
    const progress = foldEntries(known, [
      entry([1, 'step.started', 1]),
      entry([2, 'step.failed', 2]),
      entry([3, 'run.ended', null, { status: 'cancelled' }]),
    ]);

    const { ended, total, running, failed } = viewProgress(progress, 0, 0);
    assert.deepEqual([ended, total, running, failed], [3, 3, 0, 1]);
  });

  it('ends steps that no entry ends: skipped and cancelled ones', () => {
    const progress = foldSteps(
      known,
      steps.map((step) => ({ ...step, status: 'cancelled' })),
    );

    assert.equal(viewProgress(progress, 0, 0).ended, 3);
  });

  it('asks for the steps when an entry names one that it does not know', () => {
    assert.equal(namesNewStep(known, [entry([1, 'step.started', 2])]), false);
    assert.equal(namesNewStep(known, [entry([1, 'step.started', 9])]), true);
    assert.equal(namesNewStep(known, [entry([1, 'foreach.expanded', 0])]), true);
  });

  it('measures itself by the run before until it knows more, and is full only at the end', () => {
    const running = foldEntries(known, [
      entry([1, 'step.started', 1]),
      entry([2, 'step.succeeded', 1]),
    ]);
    assert.equal(viewProgress(running, 2_000, 100).ratio, 0.01);
    assert.equal(viewProgress(running, 2_000, 100).remainingMs, null);

    const ended = foldEntries(running, [entry([3, 'run.ended', null, { status: 'partial' }])]);
    const view = viewProgress(ended, 99_000, 100);
    assert.deepEqual(
      [ended.ended, view.ratio, view.total, view.elapsedMs],
      ['partial', 1, 3, 2_000],
    );
  });

  it('is the same however the entries are cut into portions, and whatever comes twice', () => {
    const kinds = [
      'step.started',
      'step.succeeded',
      'step.failed',
      'step.retrying',
      'step.waiting',
      'step.skipped',
      'finding',
      'tool.called',
      'effect.proposed',
    ];
    const some = fc.array(fc.tuple(fc.constantFrom(...kinds), fc.integer({ min: 1, max: 3 })), {
      maxLength: 40,
    });
    fc.assert(
      fc.property(some, fc.array(fc.nat(40)), (made, cuts) => {
        const entries = made.map(([kind, step], index) =>
          entry([index + 1, kind, step, { severity: 'low', records: step, key: String(step % 2) }]),
        );
        const whole = foldEntries(known, entries);
        let folded = known;
        for (const cut of [...cuts.sort((a, b) => a - b), entries.length])
          folded = foldEntries(folded, entries.slice(0, cut));

        assert.deepEqual(folded, whole);
        assert.deepEqual(known, foldSteps(noProgress, steps));
      }),
    );
  });
});
