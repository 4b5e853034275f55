import assert from 'node:assert/strict';
import { FarLane } from '../../../worker/machines/far-lane.ts';
import type { FromMachine, ToMachine } from '../../../worker/machines/messages.ts';
import type { Guest } from '../../../worker/machines/port.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { heldLease } from '../../support/lab-pool.ts';
import { verifies } from '../../support/verifies.ts';

/** A lane whose machine is the test. */
function aLane() {
  const told: string[] = [];
  const starts: Extract<ToMachine, { kind: 'start' }>[] = [];
  let heard = (_: FromMachine): void => {};
  const guest = {
    ...{ name: 'edge-1', pools: ['edge'] },
    wire: { send: (message: ToMachine) => message.kind === 'start' && starts.push(message) },
    follow: (hear: typeof heard) => {
      heard = hear;
    },
  } as unknown as Guest;
  const lane = new FarLane(guest, {
    ...{ lease: heldLease(), clock: new FakeClock() },
    events: {
      ready: () => told.push('ready'),
      died: (_, reason) => told.push(`died: ${reason}`),
      ...{ messages: () => {}, leaving: () => {}, gone: () => {} },
    },
  });
  const start = () => lane.start({ modules: [], digest: '' }, undefined);
  return { lane, start, starts, told, says: (message: FromMachine) => heard(message) };
}

describe('a lane on another machine that begins anew', () => {
  it('does not take what its last process said for words of the next', () => {
    verifies('R13.remote', 'R8.isolation');
    const { lane, start, starts, told, says } = aLane();
    start();
    start();
    const [first, second] = starts.map(({ start: nth }) => nth) as [number, number];

    says({ kind: 'ready', start: first });
    says({ kind: 'lost', start: first, reason: 'it was killed', current: 0 });
    assert.deepEqual([lane.takes('edge'), told], [false, []]);

    says({ kind: 'ready', start: second });
    assert.deepEqual([lane.takes('edge'), told], [true, ['ready']]);
    says({ kind: 'lost', start: second, reason: 'it was killed', current: 0 });
    assert.deepEqual([lane.takes('edge'), told.at(-1)], [false, 'died: it was killed']);
  });
});
