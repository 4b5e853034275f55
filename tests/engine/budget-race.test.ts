import assert from 'node:assert/strict';
import {
  enoughMicroUsd,
  limitMicroUsd,
  RacingLab,
  sharedAllowance,
} from '../support/budget-race.ts';
import { verifies } from '../support/verifies.ts';
import { mostInAnyMinute } from '../support/window-server.ts';

describe('two engines, each in a process of its own', function () {
  this.timeout(180_000);
  let lab: RacingLab;

  before(async () => {
    lab = await RacingLab.open();
  });
  after(function () {
    return lab.close(this);
  });

  it('never spend and reserve a micro-USD more than one budget that 500 agents share, and leave nothing reserved', async () => {
    verifies('R7.budget', 'R7.reserve');
    const rounds = await lab.raceScarce(1);
    assert.equal(rounds.filter(({ engines }) => engines === 2).length, 1);

    for (const { statuses, changes, most, reserved, settled, cost, degraded, steps } of rounds) {
      assert.deepEqual([statuses, steps], [['succeeded', 'succeeded'], 500]);
      // How many calls share a change is the machine's affair.
      assert.ok(changes > 1, `${changes} changes`);
      assert.ok(most > 0 && most <= limitMicroUsd, `${most} micro-USD`);
      assert.deepEqual([reserved, settled], [0, cost]);
      assert.ok(degraded > 0 && degraded < steps, `${degraded} degraded`);
    }
  });

  it('wait for what the other one has only reserved, and degrade no step, where the budget is enough for all', async () => {
    verifies('R7.budget', 'R7.on-budget');
    const rounds = await lab.raceWithEnough();
    assert.ok(rounds.some(({ engines }) => engines === 2));

    for (const { most, reserved, settled, cost, degraded } of rounds) {
      assert.ok(most > 0 && most <= enoughMicroUsd, `${most} micro-USD`);
      assert.deepEqual([degraded, reserved, settled], [0, 0, cost]);
    }
  });

  it('make together no more calls in a minute and at once than the account allows, and both make some', async () => {
    verifies('R6.several-engines');
    const { calls, byEngine } = await lab.shareAccount();

    assert.ok(calls.every(({ status }) => status === 200));
    const most = mostInAnyMinute(calls, 60_000, () => 1);
    assert.ok(most <= sharedAllowance.requestsPerMinute, `${most} calls in a minute`);
    assert.ok(Math.max(...calls.map(({ open }) => open)) <= sharedAllowance.concurrency);
    for (const [engine, own] of Object.entries(byEngine)) assert.ok(own >= 12, `${engine}: ${own}`);
  });
});
