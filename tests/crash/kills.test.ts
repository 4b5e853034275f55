import assert from 'node:assert/strict';
import { assertSurvives, killInTurns, killOneByOne, seedOf } from '../support/crash-kills.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { verifies } from '../support/verifies.ts';

/** A run takes its time, as a company's do, and not that of the machine: most kills meet one, and few runs are needed for all of them. */
const openSlow = () => CrashLab.open('crash-lab', 100);

describe('engines that are killed at random instants', function () {
  this.timeout(1_800_000);
  const labs: CrashLab[] = [];

  before(async () => {
    labs.push(await openSlow(), await openSlow());
    for (const lab of labs) lab.review();
  });
  after(async function () {
    for (const lab of labs) await lab.close(this);
  });

  it('lose nothing, double nothing and leave nothing stuck, alone or two at a time', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.take-over', 'R9.one-writer', 'R2.heartbeat');
    const [alone, paired] = labs as [CrashLab, CrashLab];

    const killed = await Promise.all([
      assertSurvives(alone, { kills: 17, seed: seedOf(0), items: 49 }, killOneByOne),
      assertSurvives(paired, { kills: 13, seed: seedOf(1), items: 9 }, killInTurns),
    ]);

    assert.deepEqual(
      killed.map(({ kills }) => kills),
      [17, 13],
    );
    assert.ok(killed.every(({ runs }) => runs.length > 0));
    const [row] = await alone.query('SELECT max(takeovers)::int AS most FROM tutti.run');
    assert.ok(Number(row?.most) >= 2, `one run was taken over ${row?.most} times`);
  });
});
