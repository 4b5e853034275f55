import fc from 'fast-check';
import { aLifeOf, type Life, type Tilt } from './life.ts';
import { World } from './world.ts';

const { FC_RUNS, FC_SEED, FC_PATH, FC_SHRINK } = process.env;

/** Lives of one property; FC_RUNS sets another number. */
export const livesEach = Number(FC_RUNS ?? 104);

export interface Trial {
  readonly lives?: number;
  /** Ends the trial early, with what it has tried by then. @default none */
  readonly longestMs?: number;
  readonly check?: (life: Life) => Promise<unknown>;
}

/**
 * Lives random worlds of a tilt; every invariant is held against each of them, whatever the property is named after. A failure
 * names its seed and path: FC_SEED and FC_PATH live that world again, FC_SHRINK=1 looks for a smaller one that fails, too.
 * Returns how many lives were tried.
 */
export async function holds(tilt: Tilt, trial: Trial = {}): Promise<number> {
  const { lives = livesEach, longestMs, check = (life: Life) => World.live(life, tilt) } = trial;
  const property = fc.asyncProperty(aLifeOf(tilt), async (life) => void (await check(life)));
  const outcome = await fc.check(property, {
    numRuns: lives,
    endOnFailure: FC_SHRINK !== '1',
    ...(FC_SEED && { seed: Number(FC_SEED) }),
    ...(FC_PATH && { path: FC_PATH }),
    ...(longestMs !== undefined && { interruptAfterTimeLimit: longestMs }),
  });
  if (!outcome.failed || !outcome.counterexample) return outcome.numRuns;
  const { seed, counterexamplePath, counterexample, errorInstance, numRuns } = outcome;
  const found = errorInstance instanceof Error ? errorInstance.message : String(errorInstance);
  const life = JSON.stringify(counterexample[0]);
  throw new Error(
    `${found}\nFC_SEED=${seed} FC_PATH=${counterexamplePath}, after ${numRuns} lives; this one:\n${life}`,
    { cause: errorInstance },
  );
}
