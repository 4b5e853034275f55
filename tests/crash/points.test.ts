import assert from 'node:assert/strict';
import { agentsOf } from '../support/crash-bars.ts';
import { seedOf } from '../support/crash-kills.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { assertOutlives, passesOf, SomePasses } from '../support/crash-points.ts';
import { verifies } from '../support/verifies.ts';

// Every pass of every point is for `npm run test:long`.
describe('an engine that dies at a crash point', function () {
  this.timeout(600_000);
  const labs: CrashLab[] = [];

  before(async () => {
    labs.push(await CrashLab.open(), await CrashLab.open());
    for (const lab of labs) lab.review();
  });
  after(async function () {
    for (const lab of labs) await lab.close(this);
  });

  it('leaves a run of 20 agents that the next one finishes: every step, effect and model call once', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.one-writer', 'R2.queue');
    assert.equal(agentsOf(4), 20);
    const seed = seedOf(0);
    const [first] = labs as [CrashLab, CrashLab];
    const deaths = new SomePasses(await passesOf(first), seed);

    await assertOutlives(labs, deaths).catch((cause: unknown) => {
      throw new Error(`CRASH_SEED=${seed} gives these passes again`, { cause });
    });
  });
});
