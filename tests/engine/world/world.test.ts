import fc from 'fast-check';
import { aLifeOf, type Tilt } from './life.ts';
import { World } from './world.ts';

const numRuns = Number(process.env.FC_RUNS ?? 200);

async function holds(tilt: Tilt): Promise<void> {
  await fc.assert(
    fc.asyncProperty(aLifeOf(tilt), async (life) => void (await World.live(life, tilt))),
    { numRuns },
  );
}

describe('the whole engine', () => {
  it('I1', () => holds({}));
});
