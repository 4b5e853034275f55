import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { EngineError } from '../../core/base/errors.ts';
import { Reconciler } from '../../core/engine/reconciler.ts';
import { FakeClock } from '../support/fixtures/clock.ts';

describe('a reconciler', () => {
  const clock = new FakeClock();
  const seen: string[] = [];
  const told: unknown[] = [];
  let thrown: Error | null = null;
  const reconciler = new Reconciler({
    clock,
    looks: [
      () => seen.push('first'),
      async () => {
        if (thrown) throw thrown;
        seen.push('second');
      },
      () => seen.push('third'),
    ],
    onError: (error) => told.push(error),
  });
  const taken = (): readonly string[] => seen.splice(0);

  it('looks at everything in its order, again after a second', async () => {
    await reconciler.look();
    assert.deepEqual(taken(), ['first', 'second', 'third']);

    clock.pass(999);
    await turn();
    assert.deepEqual(taken(), []);
    clock.pass(1);
    await turn();
    assert.deepEqual(taken(), ['first', 'second', 'third']);
  });

  it('tells of a look that fails, and takes the others', async () => {
    thrown = new EngineError('ERP_UNAVAILABLE', 'Nobody answers.');

    await reconciler.look();

    assert.deepEqual(taken(), ['first', 'third']);
    assert.deepEqual(told.splice(0), [thrown]);
  });

  it('leaves a round to the next one while the database is away, and says nothing of it', async () => {
    thrown = new EngineError('DB_UNAVAILABLE', 'It is away.');

    await reconciler.look();
    assert.deepEqual(taken(), ['first']);
    thrown = null;
    clock.pass(1_000);
    await turn();

    assert.deepEqual(taken(), ['first', 'second', 'third']);
    assert.deepEqual(told, []);
  });

  it('takes the others, too, where a statement of one runs into its time limit each time', async () => {
    thrown = Object.assign(new Error('canceling statement due to statement timeout'), {
      code: '57014',
    });

    await reconciler.look();

    assert.deepEqual(taken(), ['first', 'third']);
    assert.deepEqual(told.splice(0), [thrown]);
  });

  it('begins no round after it was stopped', async () => {
    reconciler.stop();

    clock.pass(10_000);
    await reconciler.look();

    assert.deepEqual(taken(), []);
    assert.equal(clock.nextAt, null);
  });
});
