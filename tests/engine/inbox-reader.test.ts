import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { InboxReader } from '../../core/engine/inbox-reader.ts';
import type { Message, SteerKind } from '../../core/engine/store/inbox.ts';
import { verifies } from '../support/verifies.ts';

const pause: Message<SteerKind> = {
  ...{ id: 1, tenant_id: 1, run_id: 'run', kind: 'pause', dedupe: 'pause', data: {} },
  actor: { kind: 'person', id: 'tester' },
};

describe('the reader of an inbox', () => {
  it('has a message heard once, also where the answer to a look comes after those of later ones', async () => {
    verifies('R8.cancel');
    const late = Promise.withResolvers<void>();
    const waits = [late.promise];
    let table: readonly Message<SteerKind>[] = [pause];
    const heard: string[] = [];
    const reader = new InboxReader({
      inbox: {
        read: async () => {
          const seen = table;
          await waits.shift();
          return seen;
        },
      },
      boot: 'engine',
      answer: async (messages) => messages as readonly Message<SteerKind>[],
      hear: (_, { kind }) => {
        heard.push(kind);
        // The flush that records it is quick.
        table = [];
        return true;
      },
    });

    const looks = [reader.read(), reader.read()];
    for (let turns = 0; turns < 10; turns += 1) await turn();
    looks.push(reader.read());
    for (let turns = 0; turns < 10; turns += 1) await turn();
    late.resolve();
    await Promise.all(looks);

    assert.deepEqual(heard, ['pause']);
  });
});
