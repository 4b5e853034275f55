import assert from 'node:assert/strict';
import { loadAccount } from '../support/account-load.ts';
import { verifies } from '../support/verifies.ts';

// 1,800 calls: two full minutes and the beginning of a third.
const allowance = {
  requestsPerMinute: 880,
  inputTokensPerMinute: 400_000,
  outputTokensPerMinute: 100_000,
  concurrency: 40,
};

describe('600 agents on one account', () => {
  it('use all that it allows, and are never refused', async () => {
    verifies('R6.sliding-window', 'R6.concurrent', 'R6.utilisation');
    const { status, calls, refused, makespanMs, idealMs } = await loadAccount({
      allowance,
      // Faster would turn the pauses of a busy machine into seconds, which the window's slack is not made for.
      times: 5,
      latencyMs: 40,
    });

    assert.deepEqual([status, calls, refused], ['succeeded', 1_800, 0]);
    assert.ok(makespanMs <= 1.05 * idealMs, `${makespanMs} ms instead of ${idealMs} ms`);
  });
});
