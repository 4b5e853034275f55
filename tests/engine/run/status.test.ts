import assert from 'node:assert/strict';
import {
  checkMove,
  checkStates,
  isTerminal,
  type StepStatus,
} from '../../../core/engine/run/states.ts';
import { statusOf } from '../../../core/engine/run/status.ts';
import {
  Driven,
  failed,
  foreach,
  gate,
  runOf,
  statuses,
  succeeded,
  task,
} from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

describe('the status of a run', () => {
  const cases: readonly (readonly [string, boolean, boolean, string])[] = [
    ['a critical failure', true, false, 'failed'],
    ['a critical failure where partial results are allowed', true, true, 'partial'],
    ['a failure that is not critical', false, false, 'partial'],
    ['a failure that is not critical, partial results allowed', false, true, 'partial'],
  ];
  for (const [what, critical, partial, expected] of cases) {
    it(`is ${expected} after ${what}`, () => {
      verifies('R8.criticality');
      const driven = new Driven(runOf([task('a', { critical }), task('b')], { partial }));

      driven.end('a', failed).end('b', succeeded());

      assert.equal(driven.run.status, expected);
      assert.equal(driven.ends, 1);
    });
  }

  const inItems: readonly (readonly [string, readonly [boolean, boolean], string])[] = [
    ['a critical one', [true, false], 'failed'],
    ['one that is not critical', [false, true], 'partial'],
  ];
  for (const [what, [first, second], expected] of inItems)
    it(`is ${expected} after a foreach has failed for ${what} of its item’s steps`, () => {
      verifies('R8.criticality');
      const body = [
        task('first', { critical: first }),
        task('second', { after: ['first'], critical: second }),
      ];
      const driven = new Driven(runOf([foreach('each', { body }), task('b')]));

      driven
        .expand([{ id: 'x' }])
        .end('each/first[x]', failed)
        .end('b', succeeded());

      assert.equal(driven.step('each').status, 'failed');
      assert.equal(driven.run.status, expected);
    });

  it('is partial after a foreach has failed whose items could not be read, where none of its steps is critical', () => {
    const driven = new Driven(
      runOf([foreach('each', { body: [task('each', { critical: false })] }), task('b')]),
    );

    driven.settle(driven.step('each'), failed).end('b', succeeded());

    assert.equal(driven.run.status, 'partial');
  });

  it('is succeeded when all that ran succeeded, skipped steps included', () => {
    const driven = new Driven(
      runOf([gate('never', 'false'), task('held', { after: ['never'] }), task('b')]),
    );

    driven.end('b', succeeded());

    assert.equal(driven.run.status, 'succeeded');
  });

  it('is a function of the steps alone, not of the order they ended in', () => {
    const nodes = [task('a', { critical: false }), task('b'), task('c')];
    const ends = { a: failed, b: succeeded(), c: succeeded() };
    for (const order of [
      ['a', 'b', 'c'],
      ['c', 'b', 'a'],
      ['b', 'a', 'c'],
    ] as const) {
      const driven = new Driven(runOf(nodes));
      for (const name of order) driven.end(name, ends[name]);
      assert.equal(driven.run.status, 'partial');
      assert.equal(statusOf(driven.run.steps, false), 'partial');
    }
  });
});

describe('cancel', () => {
  it('ends all that waits at once, and the run when the last running step has ended', () => {
    verifies('R8.cancel');
    const driven = new Driven(
      runOf([task('a'), task('b'), task('c', { after: ['a'], join: 'all_done' })]),
    );
    const running = driven.begin('a');

    driven.cancel();

    assert.deepEqual(statuses(driven.run), { a: 'running', b: 'cancelled', c: 'cancelled' });
    assert.equal(driven.run.status, 'running');
    driven.settle(running, { kind: 'cancelled' });
    assert.equal(driven.run.status, 'cancelled');
    assert.equal(driven.ends, 1);
  });

  it('lets a step that was about to succeed do so, and starts nothing after it', () => {
    const driven = new Driven(runOf([task('a'), task('b', { after: ['a'] })]));
    const running = driven.begin('a');

    driven.cancel().settle(running, succeeded());

    assert.deepEqual(statuses(driven.run), { a: 'succeeded', b: 'cancelled' });
    assert.equal(driven.run.status, 'cancelled');
    assert.equal(
      driven.ready.some((step) => step.status === 'ready'),
      false,
    );
  });

  it('ends a foreach with its items, opened or not', () => {
    const driven = new Driven(runOf([foreach('each', { concurrency: 1 })]));
    driven.expand([{ id: 'a' }, { id: 'b' }]);
    const running = driven.begin('each[a]');

    driven.cancel().settle(running, { kind: 'cancelled' });

    assert.deepEqual(statuses(driven.run), {
      each: 'cancelled',
      'each[a]': 'cancelled',
      'each[b]': 'cancelled',
    });
    assert.equal(driven.ends, 1);
  });

  it('ends a run of which nothing runs at once', () => {
    const driven = new Driven(runOf([task('a'), foreach('each')]));

    driven.cancel();

    assert.equal(driven.ends, 1);
    assert.equal(driven.run.status, 'cancelled');
  });
});

describe('states', () => {
  it('can all be reached, and a terminal one never changes', () => {
    checkStates();
    const all: readonly StepStatus[] = [
      'pending',
      'ready',
      'running',
      'waiting',
      'succeeded',
      'skipped',
      'failed',
      'cancelled',
    ];
    for (const from of all.filter(isTerminal))
      for (const to of all) assert.throws(() => checkMove(from, to), { code: 'INTERNAL' });
    assert.throws(() => checkMove('pending', 'running'), { code: 'INTERNAL' });
  });
});
