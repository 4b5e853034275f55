import fc from 'fast-check';
import { aLifeOf, type Life, type Tilt } from './life.ts';
import { World } from './world.ts';

const { FC_RUNS, FC_SEED, FC_PATH, FC_SHRINK, FC_MINUTES } = process.env;

/** Lives of one property; FC_RUNS sets another number. */
export const livesEach = Number(FC_RUNS ?? 200);

/**
 * Lives random worlds of a tilt; every invariant is held against each of them, whatever the property is named after. A failure
 * names its seed and path: FC_SEED and FC_PATH live that world again, FC_SHRINK=1 looks for a smaller one that fails, too.
 */
export async function holds(
  tilt: Tilt,
  lives: number = livesEach,
  check: (life: Life) => Promise<unknown> = (life) => World.live(life, tilt),
): Promise<void> {
  const property = fc.asyncProperty(aLifeOf(tilt), async (life) => void (await check(life)));
  await fc.assert(property, {
    numRuns: lives,
    endOnFailure: FC_SHRINK !== '1',
    ...(FC_SEED && { seed: Number(FC_SEED) }),
    ...(FC_PATH && { path: FC_PATH }),
    ...(FC_MINUTES && { interruptAfterTimeLimit: Number(FC_MINUTES) * 60_000 }),
    reporter: (outcome) => {
      if (!outcome.failed) return;
      const { seed, counterexamplePath, counterexample, errorInstance } = outcome;
      const found = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
      const life = JSON.stringify(counterexample?.[0]);
      throw new Error(
        `${found}\nFC_SEED=${seed} FC_PATH=${counterexamplePath}, after ${outcome.numRuns} lives; this one:\n${life}`,
      );
    },
  });
}
