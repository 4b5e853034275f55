import { nameThePlace, takeAway } from './left-behind.ts';
import { keepTempFilesInMemory } from './temp-folder.ts';
import { type CitingTest, dropCited, takeCited } from './verifies.ts';

/*
 * What happens around every test of every file. `npm test` runs files in several processes, each of which loads a module once for
 * all files that it runs: a hook that a module registers while it loads would belong to the first of them alone.
 */

// Before anything of a test is loaded, and before there are other processes.
keepTempFilesInMemory();

const closers = new Set<() => Promise<void>>();
const stoppers = new Set<() => Promise<void>>();

/** What tests open is closed after each; for modules that open it, while they load. */
export function closeAfterEach(close: () => Promise<void>): void {
  closers.add(close);
}

/** Stops what lives as long as the process of the tests. Where mocha ends the process, only its exit handlers run. */
export function stopAfterAll(stop: () => Promise<void>): void {
  stoppers.add(stop);
}

/** Messages of causes do not cross processes; a stack does. */
function foldCauses(error: unknown): void {
  if (!(error instanceof Error) || !(error.cause instanceof Error)) return;
  foldCauses(error.cause);
  error.stack = `${error.stack}\ncaused by ${error.cause.stack}`;
}

function foldingCauses({ fn }: Mocha.Runnable): Mocha.AsyncFunc | undefined {
  return (
    fn &&
    async function (this: Mocha.Context): Promise<void> {
      try {
        await (fn as Mocha.AsyncFunc).call(this);
      } catch (error) {
        foldCauses(error);
        throw error;
      }
    }
  );
}

const isWorker = process.env.MOCHA_WORKER_ID !== undefined;

export const mochaHooks: Mocha.RootHookObject = {
  beforeEach(this: Mocha.Context) {
    if (!isWorker || !this.currentTest) return;
    dropCited();
    this.currentTest.fn = foldingCauses(this.currentTest);
  },
  async afterEach(this: Mocha.Context) {
    const test = this.currentTest as CitingTest | undefined;
    if (isWorker && test) {
      const cited = takeCited();
      const plain = test.serialize.bind(test);
      test.serialize = () => ({ ...plain(), cited });
    }
    for (const close of closers) await close();
  },
};

// In the first process only.
export function mochaGlobalSetup(): void {
  nameThePlace();
}

export async function mochaGlobalTeardown(): Promise<void> {
  for (const stop of stoppers) await stop();
  await takeAway();
}
