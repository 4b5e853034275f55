import assert from 'node:assert/strict';
import { loadAccount } from '../support/account-load.ts';
import { verifies } from '../support/verifies.ts';

// 450 calls: two full minutes and the beginning of a third.
const allowance = {
  requestsPerMinute: 220,
  inputTokensPerMinute: 100_000,
  outputTokensPerMinute: 25_000,
  concurrency: 20,
};

describe('150 agents on one account', function () {
  this.timeout(300_000);

  it('use all that it allows, and are not refused', async () => {
    verifies('R6.sliding-window', 'R6.concurrent', 'R6.utilisation');
    const { status, calls, refused, makespanMs, idealMs } = await loadAccount({
      agents: 150,
      allowance,
      // Faster would turn the pauses of a busy machine into seconds, which the window's slack is not made for.
      times: 5,
      latencyMs: 40,
    });

    // Five times as fast, a pause of the machine is five times as long: in real time none is refused, and 5 % are lost
    // (tests/long/models.long.ts, of 600 agents).
    assert.deepEqual([status, calls - refused], ['succeeded', 450]);
    assert.ok(refused <= calls / 20, `${refused} refused`);
    assert.ok(makespanMs <= 1.5 * idealMs, `${makespanMs} ms instead of ${idealMs} ms`);
  });
});
