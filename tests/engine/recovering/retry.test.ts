import assert from 'node:assert/strict';
import fc from 'fast-check';
import { retryDelayMs } from '../../../core/engine/recovery/retry.ts';
import type { RetryPolicy } from '../../../core/sdk/recovery.ts';
import { verifies } from '../../support/verifies.ts';

const delays = (policy: RetryPolicy, random: number) =>
  [1, 2, 3, 4, 5].map((failures) => retryDelayMs(policy, { failures, random }));

describe('the delay of a retry', () => {
  const policies = fc.record(
    {
      backoff: fc.constantFrom('exponential', 'linear', 'fixed'),
      baseMs: fc.nat(10_000),
      factor: fc.double({ min: 1, max: 10, noNaN: true }),
      maxMs: fc.nat(100_000),
      jitter: fc.constantFrom('full', 'none'),
    } as const,
    { requiredKeys: [] },
  ) as fc.Arbitrary<RetryPolicy>;
  const unit = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });

  it('grows as its policy says, up to the longest', () => {
    verifies('R8.retry-policy');
    const plain = { baseMs: 100, maxMs: 1_000, jitter: 'none' } as const;

    assert.deepEqual(delays(plain, 0.9), [100, 200, 400, 800, 1_000]);
    assert.deepEqual(delays({ ...plain, factor: 3 }, 0.9), [100, 300, 900, 1_000, 1_000]);
    assert.deepEqual(delays({ ...plain, backoff: 'linear' }, 0.9), [100, 200, 300, 400, 500]);
    assert.deepEqual(delays({ ...plain, backoff: 'fixed' }, 0.9), [100, 100, 100, 100, 100]);
    assert.deepEqual(delays({}, 0.5), [250, 500, 1_000, 2_000, 4_000]);
  });

  it('never passes the longest, and is never less than nothing', () => {
    verifies('R8.retry-policy');
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 25 }), unit, (policy, failures, random) => {
        const delayMs = retryDelayMs(policy, { failures, random });

        assert.ok(delayMs >= 0 && delayMs <= (policy.maxMs ?? 30_000), `${delayMs}`);
      }),
    );
  });

  it('does not shrink from one failure to the next, for equal luck', () => {
    fc.assert(
      fc.property(policies, fc.integer({ min: 1, max: 24 }), unit, (policy, failures, random) => {
        const [now, next] = [failures, failures + 1].map((each) =>
          retryDelayMs(policy, { failures: each, random }),
        );

        assert.ok((next as number) >= (now as number));
      }),
    );
  });

  it('with full jitter is spread evenly from nothing to the whole delay', () => {
    const policy = { baseMs: 1_000, jitter: 'full' } as const;
    const tenths = Array.from({ length: 10 }, (_, index) => index / 10);

    assert.deepEqual(
      tenths.map((random) => Math.round(retryDelayMs(policy, { failures: 1, random }))),
      tenths.map((random) => Math.round(random * 1_000)),
    );
  });

  it('is at least what the provider asked for, and ignores what nobody can mean', () => {
    verifies('R6.backoff');
    const asked = (retryAfterMs: unknown) =>
      retryDelayMs(
        { jitter: 'none', baseMs: 10 },
        {
          failures: 1,
          random: 0.5,
          failure: { code: 'MODEL_RATE_LIMITED', message: 'busy', details: { retryAfterMs } },
        },
      );

    assert.equal(asked(2_000), 2_010);
    assert.equal(asked(1e9), 600_010);
    for (const nonsense of [-1, Number.NaN, '7', null, undefined, {}])
      assert.equal(asked(nonsense), 10);
  });
});
