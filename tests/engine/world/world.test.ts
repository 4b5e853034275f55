import assert from 'node:assert/strict';
import { verifies } from '../../support/verifies.ts';
import { tilts } from './invariants.ts';
import type { Life } from './life.ts';
import { holds, livesEach } from './property.ts';
import { World } from './world.ts';

/** Lives the world of an invariant by chance; whatever is violated in it, this one or another, fails. */
function livesBy(invariant: keyof typeof tilts): Promise<number> {
  return holds(tilts[invariant] ?? {});
}

describe('engines that live by chance, with crashes, lost threads, lost connections and successors', function () {
  this.timeout(300_000);

  it('I1: start no step before what it waits for has ended, durably', async () => {
    verifies('R2.topological', 'R14.races');
    await livesBy('I1');
  });

  it('I1: end no wait before its moment, and no approval without its people, and miss neither', async () => {
    verifies('R8.crash');
    await livesBy('I1 of waits');
  });

  it('I2: have one live attempt a step, and never change an end', async () => {
    verifies('R9.one-writer', 'R8.crash');
    await livesBy('I2');
  });

  it('I3: keep every limit on what runs at once', async () => {
    await livesBy('I3');
  });

  it('I3: hold no slot for a conversation that waits for its next call, nor its time', async () => {
    await livesBy('I3 of conversations');
  });

  it('I4: never spend and reserve more than a purse holds, and settle every reservation', async () => {
    verifies('R7.budget', 'R7.reserve');
    await livesBy('I4');
  });

  it('I5: send a model no more in any minute, and at once, than it allows', async () => {
    await livesBy('I5');
  });

  it('I6: leave nothing waiting that nothing keeps back', async () => {
    await livesBy('I6');
  });

  it('I7, I8: start the highest band of priority and age first, so that nothing starves', async () => {
    await livesBy('I7');
  });

  it('I7: let no new start of a model overtake a conversation that could go on', async () => {
    await livesBy('I7 of calls');
  });

  it('I10: start nothing of what was cancelled or is late, and release all that it held', async () => {
    verifies('R8.cancel');
    await livesBy('I10');
  });

  it('I12: end every run, with the status that follows from its steps', async () => {
    verifies('R1.dag');
    await livesBy('I12');
  });

  it('I13: do nothing outside twice, and nothing that was not announced', async () => {
    await livesBy('I13');
  });

  it('I13: start one run for a step, which ends with it and before it, and goes on in a retry', async () => {
    verifies('R8.crash', 'R9.restart');
    await livesBy('I13 of runs that steps start');
  });

  it('I16: make a call again that failed for now, and fail no step because a provider is busy', async () => {
    await livesBy('I16');
  });

  it('I16: make calls again three times a turn at most, and within the retry budget of their model', async () => {
    await livesBy('I16 of retries');
  });

  it('I17: wait for money that somebody has to raise, and go on when it is', async () => {
    await livesBy('I17');
  });

  it('I18: do again in a retry what was not done, and nothing else, and nothing outside twice', async () => {
    verifies('R8.crash', 'R9.restart');
    await livesBy('I18');
  });

  it('I15: hold at every durable moment exactly what the journal tells', async () => {
    verifies('R9.restart');
    await livesBy('I15');
  });

  it('I19: give each step what those before it have brought, and nothing else', async () => {
    verifies('R9.restart');
    await livesBy('I19');
  });

  it('I20: follow failures as the rules in force say, whoever owns the run by then', async () => {
    await livesBy('I20');
  });

  it('I14: take the same course again with the same chances', async () => {
    const twice = async (life: Life) => {
      const [one, two] = [await World.live(life), await World.live(life)];
      assert.deepEqual(two.trace, one.trace);
    };
    await holds({}, { lives: Math.ceil(livesEach / 3), check: twice });
  });
});
