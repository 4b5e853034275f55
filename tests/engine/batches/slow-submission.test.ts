import assert from 'node:assert/strict';
import { newBatch } from '../../../core/engine/batches/batch.ts';
import type { BatchCall } from '../../../core/engine/batches/calls.ts';
import { Follower } from '../../../core/engine/batches/follower.ts';
import type { BatchTarget } from '../../../core/engine/batches/targets.ts';
import type { Run } from '../../../core/engine/run/run.ts';
import type { BatchModel } from '../../../core/ports/models/batch/batch.ts';
import { items, soon, useBatches } from '../../ports/models/batch-provider.ts';
import { eventually } from '../../support/eventually.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const minuteMs = 60_000;
const lookMs = 10_000;

describe('a batch whose submission took long and was given up', () => {
  const { open, server, skew } = useBatches('openai');

  it('is not made again while the first may still arrive', async () => {
    verifies('R8.crash');
    const provider = await open();
    server().fail(/^POST \/v1\/batches$/, { kind: 'reset', after: 'nothing' });
    const clock = new FakeClock(Date.now());
    const pass = (ms: number): void => {
      skew.ms += ms;
      clock.pass(ms);
    };
    const found: unknown[] = [];
    const batches: BatchModel = {
      ...provider,
      // Its file is large, and the line is slow.
      submit: async (...asked) => await provider.submit(...asked).finally(() => pass(9 * minuteMs)),
      find: async (...asked) => {
        const answer = await provider.find(...asked);
        found.push(answer);
        return answer;
      },
    };
    const told: string[] = [];
    const follower = new Follower({
      clock,
      requests: { of: async () => items('a')[0]?.request } as never,
      known: () => new Set(),
      isOwned: () => true,
      isStopped: () => false,
      events: {
        note: (_, kind) => told.push(kind),
        answered: () => told.push('answered'),
        unsent: () => told.push('unsent'),
        ended: () => told.push('ended'),
        late: () => told.push('late'),
      },
    });
    const target = { model: 'test-model', batches } as BatchTarget;
    const plan = { mark: 'mine', run: {} as Run, target, plannedAt: clock.now() };
    const batch = newBatch({ ...plan, untilMs: clock.now() + 600 * minuteMs }, [
      { seq: 'a' } as unknown as BatchCall,
    ]);

    follower.follow(batch, items('a'));
    await eventually(() => found.length === 1);
    // What was sent arrives after all.
    await provider.submit(items('a'), { mark: 'mine', signal: soon() });
    await eventually(() => {
      pass(lookMs);
      return told.length > 0;
    });
    follower.stop();

    assert.deepEqual(told, ['batch.submitted']);
    assert.equal(batch.id, server().batches[0]?.id);
  });
});
