import assert from 'node:assert/strict';
import { agentsOf } from '../support/crash-bars.ts';
import { seedOf } from '../support/crash-kills.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { assertOutlives, dieAtClaim, passesOf, SomePasses } from '../support/crash-points.ts';
import { verifies } from '../support/verifies.ts';

// Every pass of every point is for `npm run test:long`.
describe('an engine that dies at a crash point', function () {
  this.timeout(600_000);
  let lab: CrashLab;

  before(async () => {
    lab = await CrashLab.open();
    lab.review();
  });
  after(function () {
    return lab.close(this);
  });

  it('leaves a run of 20 agents that the next one finishes: every step, effect and model call once', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.one-writer', 'R2.queue');
    assert.equal(agentsOf(4), 20);
    const seed = seedOf(0);
    const [undisturbed, claimed] = await dieAtClaim(lab);
    const deaths = new SomePasses(await passesOf(lab, undisturbed), seed);

    await assertOutlives(lab, deaths, [undisturbed, claimed]).catch((cause: unknown) => {
      throw new Error(`CRASH_SEED=${seed} gives these passes again`, { cause });
    });
  });
});
