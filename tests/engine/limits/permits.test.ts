import assert from 'node:assert/strict';
import { Permits } from '../../../core/engine/limits/permits.ts';
import { verifies } from '../../support/verifies.ts';

describe('Permits', () => {
  it('bounds the calls at the same time, and each model has its own bound', () => {
    verifies('R6.concurrent', 'R6.per-model');
    const permits = new Permits({ large: { concurrency: 2 }, small: { concurrency: 1 } });
    const first = permits.take('large', 10, 0);
    permits.take('large', 10, 0);

    assert.equal(permits.blocker('large', 10, 0), 'model_concurrency');
    assert.equal(permits.waitMs('large', 10, 0), null);
    assert.equal(permits.blocker('small', 10, 0), null);
    permits.settle(first, 10, 5);
    assert.equal(permits.blocker('large', 10, 5), null);
  });

  it('names requests before tokens as what stands in the way', () => {
    const permits = new Permits({ large: { requestsPerMinute: 1, tokensPerMinute: 100 } });
    permits.take('large', 100, 0);

    assert.equal(permits.blocker('large', 1, 0), 'model_requests');
    assert.equal(permits.blocker('large', 1, 59_000), 'model_requests');
    assert.equal(permits.blocker('large', 1, 60_500), null);
  });

  it('gives back the tokens that a call did not use, and its request only if it was never made', () => {
    const permits = new Permits({ large: { requestsPerMinute: 2, tokensPerMinute: 100 } });
    permits.settle(permits.take('large', 90, 0), 20, 1_000);

    assert.equal(permits.blocker('large', 80, 1_000), null);
    assert.equal(permits.blocker('large', 81, 1_000), 'model_tokens');
    permits.release(permits.take('large', 80, 1_000), 2_000);
    assert.equal(permits.blocker('large', 80, 2_000), null);
    permits.settle(permits.take('large', 80, 2_000), 80, 2_000);
    assert.equal(permits.blocker('large', 1, 2_000), 'model_requests');
  });

  it('leaves a model without limits to its provider', () => {
    const permits = new Permits({});
    for (let call = 0; call < 1_000; call += 1) permits.take('any', 1_000_000, 0);

    assert.equal(permits.blocker('any', 1_000_000, 0), null);
  });
});
