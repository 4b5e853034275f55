import assert from 'node:assert/strict';
import type { Carried } from '../../../core/engine/run/step.ts';
import {
  Driven,
  failed,
  foreach,
  reduce,
  runOf,
  statuses,
  succeeded,
  task,
} from '../../support/fixtures/graphs.ts';
import { verifies } from '../../support/verifies.ts';

const items = (...ids: readonly string[]) => ids.map((id) => ({ id }));

describe('foreach', () => {
  it('runs one step for each item, at most `concurrency` at once', () => {
    verifies('R1.foreach');
    const driven = new Driven(runOf([foreach('each', { concurrency: 2 })]));

    driven.expand(items('a', 'b', 'c', 'd'));

    assert.deepEqual(driven.readyPaths, ['each[a]', 'each[b]']);
    driven.end('each[b]', succeeded(2));
    assert.deepEqual(driven.readyPaths, ['each[a]', 'each[c]']);
    driven.end('each[a]', succeeded(1));
    assert.deepEqual(driven.readyPaths, ['each[c]', 'each[d]']);
  });

  it('hands in the outputs in the order of the items, whatever order they ended in', () => {
    const driven = new Driven(runOf([foreach('each'), reduce('sum', ['each'])]));

    driven.expand(items('a', 'b', 'c'));
    driven.end('each[c]', succeeded(3)).end('each[a]', succeeded(1)).end('each[b]', succeeded(2));

    assert.deepEqual(driven.step('each').output, [1, 2, 3]);
    assert.deepEqual(driven.run.inputOf(driven.step('sum')), { items: [1, 2, 3], missing: 0 });
  });

  it('lets items go through their chains without waiting for each other', () => {
    verifies('R2.maximum-parallel');
    const body = [
      task('first'),
      task('second', { after: ['first'], input: { of: { cel: 'each.first.output' } } }),
    ];
    const driven = new Driven(runOf([foreach('each', { body })]));

    driven.expand(items('a', 'b'));
    driven.end('each/first[a]', succeeded('A'));

    assert.deepEqual(driven.readyPaths, ['each/first[b]', 'each/second[a]']);
    assert.deepEqual(driven.run.inputOf(driven.step('each/second[a]')), { of: 'A' });
    driven.end('each/second[a]', succeeded()).end('each/first[b]', succeeded('B'));
    driven.end('each/second[b]', succeeded());
    assert.equal(driven.run.status, 'succeeded');
  });

  it('opens the next item only when the whole chain of one has ended', () => {
    const body = [task('first'), task('second', { after: ['first'] })];
    const driven = new Driven(runOf([foreach('each', { body, concurrency: 1 })]));

    driven.expand(items('a', 'b')).end('each/first[a]', succeeded());

    assert.deepEqual(driven.readyPaths, ['each/second[a]']);
    driven.end('each/second[a]', succeeded());
    assert.deepEqual(driven.readyPaths, ['each/first[b]']);
  });

  it('stops at a failed item: items that have not started are skipped, the node fails', () => {
    const driven = new Driven(
      runOf([foreach('each', { concurrency: 2 }), task('after', { after: ['each'] })]),
    );

    driven.expand(items('a', 'b', 'c'));
    const running = driven.begin('each[b]');
    driven.end('each[a]', failed);

    assert.equal(driven.step('each[c]').status, 'skipped');
    assert.equal(driven.step('each').status, 'running');
    driven.settle(running, succeeded());
    assert.deepEqual(statuses(driven.run), {
      each: 'failed',
      after: 'skipped',
      'each[a]': 'failed',
      'each[b]': 'succeeded',
      'each[c]': 'skipped',
    });
    assert.equal(driven.run.status, 'failed');
  });

  it('continues after a failed item where it is to, with the outputs that came', () => {
    verifies('R1.partial', 'R8.skip');
    const driven = new Driven(
      runOf([foreach('each', { onItemFailure: 'continue' }), reduce('sum', ['each'])]),
    );

    driven.expand(items('a', 'b', 'c'));
    driven.end('each[a]', succeeded(1)).end('each[b]', failed).end('each[c]', succeeded(3));

    assert.deepEqual(driven.step('each').output, [1, 3]);
    assert.deepEqual(driven.run.inputOf(driven.step('sum')), { items: [1, 3], missing: 1 });
    driven.end('sum', succeeded());
    assert.equal(driven.run.status, 'partial');
  });

  it('skips the rest of an item’s chain after a failure in it', () => {
    const body = [task('first'), task('second', { after: ['first'] })];
    const driven = new Driven(runOf([foreach('each', { body, onItemFailure: 'continue' })]));

    driven.expand(items('a')).end('each/first[a]', failed);

    assert.equal(driven.step('each/second[a]').status, 'skipped');
    assert.deepEqual(driven.step('each').output, []);
  });

  it('hands in several outputs of an item where it names them', () => {
    const body = [task('first'), task('second', { after: ['first'] })];
    const driven = new Driven(runOf([foreach('each', { body, outputs: ['first', 'second'] })]));

    driven.expand(items('a', 'b'));
    for (const id of ['a', 'b'])
      driven
        .end(`each/first[${id}]`, succeeded(`${id}1`))
        .end(`each/second[${id}]`, succeeded(`${id}2`));

    assert.deepEqual(driven.step('each').output, ['a1', 'a2', 'b1', 'b2']);
  });

  it('succeeds without items, with an empty list', () => {
    const driven = new Driven(runOf([foreach('each'), reduce('sum', ['each'])]));

    driven.expand([]);

    assert.deepEqual(driven.step('each').output, []);
    assert.deepEqual(driven.run.inputOf(driven.step('sum')), { items: [], missing: 0 });
  });

  for (const [what, list] of [
    ['two items with one key', [{ id: 'a' }, { id: 'b' }, { id: 'a' }]],
    ['an empty key', [{ id: 'a' }, { id: '' }]],
    ['a key that is no text', [{ id: 'a' }, { id: { deep: 1 } }]],
    ['a key of more than 200 characters', [{ id: 'a' }, { id: 'x'.repeat(201) }]],
  ] as const) {
    it(`refuses ${what} and makes no step of any item`, () => {
      const driven = new Driven(runOf([foreach('each')]));
      const [container] = driven.containers;

      assert.throws(() => driven.expand(list), { code: 'WORKFLOW_INVALID', message: /'each'/ });

      assert.equal(container?.items.length, 0);
      assert.deepEqual(Object.keys(statuses(driven.run)), ['each']);
    });
  }

  it('goes behind thousands of items that a retry has taken over, one after the other, without nesting', () => {
    const many = Array.from({ length: 5_000 }, (_, index) => ({ id: `n${index}` }));
    const driven = new Driven(runOf([foreach('each', { concurrency: 1 })]));
    // Its items follow the step of the foreach itself; the last one has failed.
    const taken = { outputSeq: 1, degraded: false, ended: { kind: 'succeeded', output: null } };
    driven.run.carry(new Map(many.slice(1).map((_, index) => [index + 1, taken as Carried])));

    driven.expand(many);

    assert.deepEqual(driven.readyPaths, ['each[n4999]']);
    driven.end('each[n4999]', succeeded());
    assert.equal(driven.run.status, 'succeeded');
  });
});
