import assert from 'node:assert/strict';
import fc from 'fast-check';
import { RetryBudget } from '../../../core/engine/limits/retry-budget.ts';
import { verifies } from '../../support/verifies.ts';

describe('RetryBudget', () => {
  it('never grants more than a fifth of the calls of a minute and ten, however they come', () => {
    verifies('R6.backoff');
    const acts = fc.array(
      fc.record({ pause: fc.integer({ min: 0, max: 300 }), isRetry: fc.boolean() }),
      { minLength: 200, maxLength: 300 },
    );
    fc.assert(
      fc.property(acts, (all) => {
        const budget = new RetryBudget();
        const calls: number[] = [];
        const retries: number[] = [];
        let now = 0;
        for (const { pause, isRetry } of all) {
          now += pause;
          if (!isRetry) {
            budget.called(now);
            calls.push(now);
          } else if (budget.spend(now)) {
            retries.push(now);
            // A quantum of the ring counts a second longer than the minute.
            const within = (moments: readonly number[], ms: number) =>
              moments.filter((at) => at > now - ms).length;
            assert.ok(within(retries, 60_000) <= 10 + within(calls, 61_000) / 5);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  it('grants ten to whoever calls seldom, and more again a minute later', () => {
    const budget = new RetryBudget();
    const spend = (now: number) => Array.from({ length: 12 }, () => budget.spend(now));

    assert.equal(spend(0).filter(Boolean).length, 10);
    assert.equal(budget.left(59_000), 0);
    assert.equal(budget.left(61_001), 10);
  });
});
