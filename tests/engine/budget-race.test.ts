import assert from 'node:assert/strict';
import { limitMicroUsd, raceBudget, shareAccount } from '../support/budget-race.ts';
import { verifies } from '../support/verifies.ts';
import { mostInAnyMinute } from '../support/window-server.ts';

describe('two engines, each in a process of its own', function () {
  this.timeout(180_000);

  it('never spend and reserve a micro-USD more than one budget that 500 agents share, and leave nothing reserved', async () => {
    verifies('R7.budget', 'R7.reserve');
    const rounds = await raceBudget(1);
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
    // 500 agents come to 410,300 micro-USD; their reservations, all at once, to more than twice that.
    const enough = 450_000;
    const rounds = await raceBudget(2, enough);

    // A call whose end nobody knows counts in full, and so may leave too little.
    const known = rounds.filter(({ estimated }) => estimated === 0);
    assert.ok(known.length > 0);
    for (const { most, reserved, settled, cost, degraded } of known) {
      assert.ok(most > 0 && most <= enough, `${most} micro-USD`);
      assert.deepEqual([degraded, reserved, settled], [0, 0, cost]);
    }
  });

  it('make together no more calls in a minute and at once than the account allows, and both make some', async () => {
    verifies('R6.several-engines');
    const allowance = { requestsPerMinute: 120, concurrency: 6 };

    const { calls, byEngine } = await shareAccount(allowance);

    assert.ok(calls.every(({ status }) => status === 200));
    const most = mostInAnyMinute(calls, 60_000, () => 1);
    assert.ok(most <= allowance.requestsPerMinute, `${most} calls in a minute`);
    assert.ok(Math.max(...calls.map(({ open }) => open)) <= allowance.concurrency);
    for (const [engine, own] of Object.entries(byEngine)) assert.ok(own >= 12, `${engine}: ${own}`);
  });
});
