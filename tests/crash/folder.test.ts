import {
  type CrashFolder,
  killFirstStart,
  killOnFolder,
  openCrashFolder,
} from '../support/crash-folder.ts';
import { seedOf } from '../support/crash-kills.ts';
import { verifies } from '../support/verifies.ts';

describe('an engine with a database of its own', function () {
  this.timeout(300_000);
  let folder: CrashFolder;
  /** What was made good after a first start that was killed is good enough for the rest. */
  let dataFolder: string | undefined;

  before(async () => {
    folder = await openCrashFolder();
  });
  after(() => folder.close());

  it('starts again, for two processes at once, when its first start was killed', async () => {
    verifies('R9.own-database');

    dataFolder = await killFirstStart(folder, { times: 1, seed: seedOf(3) });
  });

  it('loses nothing when it, its database or both are killed in the middle of writing', async () => {
    verifies('R9.own-database', 'R8.crash', 'R9.restart');

    await killOnFolder(folder, { times: 1, seed: seedOf(2), items: 150, dataFolder });
  });
});
