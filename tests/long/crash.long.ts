import assert from 'node:assert/strict';
import { killFirstStart, killOnFolder, openCrashFolder } from '../support/crash-folder.ts';
import { assertSurvives, killInTurns, killOneByOne, seedOf } from '../support/crash-kills.ts';
import { CrashLab } from '../support/crash-lab.ts';
import { assertOutlives, EveryPass } from '../support/crash-points.ts';
import { verifies } from '../support/verifies.ts';

// An engine that takes over waits for most of its time, for what may still be on its way: three times as many as cores.
const lanes = 6;

describe('an engine that dies at each pass of each crash point', function () {
  this.timeout(1_800_000);

  it('leaves a run of 20 agents that the next one finishes: every step, effect and model call once', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.one-writer', 'R2.queue');
    const labs = await Promise.all(Array.from({ length: lanes }, () => CrashLab.open()));
    for (const lab of labs) lab.review();
    const deaths = new EveryPass();

    await Promise.all(labs.map((lab) => assertOutlives(lab, deaths)));

    deaths.assertAll();
    for (const lab of labs) await lab.close();
  });
});

/*
 * The full counts: no failure in 300 kills puts the rate of failures below 1 % with 95 % confidence (rule of three).
 */
describe('300 kills at random instants', function () {
  this.timeout(3_600_000);

  it('of one engine after the other on runs of 500 agents, and of one of two, lose, double and block nothing', async () => {
    verifies('R8.crash', 'R9.restart', 'R9.take-over', 'R9.one-writer');
    const labs = [await CrashLab.open(), await CrashLab.open()] as const;
    for (const lab of labs) lab.review();
    const seeds = [seedOf(0), seedOf(1)] as const;

    const killed = await Promise.all([
      assertSurvives(labs[0], { kills: 180, seed: seeds[0], items: 124 }, killOneByOne),
      assertSurvives(labs[1], { kills: 120, seed: seeds[1], items: 12 }, killInTurns),
    ]);

    for (const lab of labs) await lab.close();
    const runs = killed.map((each) => each.runs.length);
    assert.equal(killed[0].kills + killed[1].kills, 300);
    process.stdout.write(`300 kills, seeds ${seeds.join(' and ')}, ${runs.join(' and ')} runs\n`);
  });

  it('of engine, database and both, 34 times each, lose nothing', async () => {
    verifies('R9.own-database', 'R8.crash');
    const folder = await openCrashFolder();

    await killOnFolder(folder, { times: 34, seed: seedOf(2), items: 150 });

    await folder.close();
  });

  it('of 30 first starts leave a folder that two processes start on', async () => {
    verifies('R9.own-database');
    const folder = await openCrashFolder();

    await killFirstStart(folder, { times: 30, seed: seedOf(3) });

    await folder.close();
  });
});
