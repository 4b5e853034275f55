import assert from 'node:assert/strict';
import { Broker, type CallWish } from '../../../core/engine/limits/broker.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const price = { input: 1_000_000, cachedInput: 100_000, cacheWrite: 1_000_000, output: 2_000_000 };
const target = { provider: 'scripted', model: 'house', maxOutputTokens: 1_000 };
const wish: CallWish = {
  profile: 'standard',
  bytes: 976,
  scopes: ['tenant', 'run:1'],
  period: '2026-06-30',
};
/** 976 bytes and 1,024 tokens of overhead at 1 micro-USD, 1,000 tokens of output at 2. */
const bound = 4_000;

function aBroker(limit: number, clock = new FakeClock()): Broker {
  const broker = new Broker({
    profiles: { fast: target, standard: target, deep: target },
    limits: { house: { requestsPerMinute: 2, concurrency: 2 } },
    prices: { house: price },
    clock,
  });
  broker.budget.open('tenant', limit);
  return broker;
}

describe('Broker', () => {
  it('reserves the greatest possible cost, and settles what a call did cost', () => {
    verifies('R7.reserve', 'R7.cost', 'R7.own-prices');
    const broker = aBroker(10_000);

    const grant = broker.grant(wish);

    assert.equal(grant.boundMicroUsd, bound);
    assert.equal(broker.budget.left('tenant'), 10_000 - bound);
    const usage = { input: 500, cachedInput: 0, cacheWrite: 0, output: 100, reasoning: 0 };
    const end = broker.settle(grant, 'standard', { usage, sent: true });
    assert.deepEqual(end, { state: 'settled', costMicroUsd: 700 });
    assert.equal(broker.budget.left('tenant'), 9_300);
  });

  it('counts a call of unknown usage in full, and one that was not sent not at all', () => {
    verifies('R7.orphan');
    const broker = aBroker(10_000);

    const lost = broker.settle(broker.grant(wish), 'standard', { usage: null, sent: true });
    const unsent = broker.settle(broker.grant(wish), 'standard', { usage: null, sent: false });

    assert.deepEqual(lost, { state: 'estimated', costMicroUsd: bound });
    assert.deepEqual(unsent, { state: 'released', costMicroUsd: 0 });
    assert.equal(broker.budget.left('tenant'), 10_000 - bound);
  });

  it('names the purse or the limit in the way, and when to look again', () => {
    const clock = new FakeClock();
    const broker = aBroker(3 * bound, clock);
    const first = broker.grant(wish);
    broker.grant(wish);

    assert.equal(broker.refusal(wish)?.blocker, 'model_concurrency');
    assert.equal(broker.waitMs(wish), null);
    broker.settle(first, 'standard', { usage: null, sent: true });
    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    clock.pass(broker.waitMs(wish) ?? 0);
    assert.equal(broker.refusal(wish), null);
    broker.grant(wish);
    assert.deepEqual(broker.refusal(wish), { blocker: 'budget', scope: 'tenant', never: false });
  });

  it('says that waiting will not help where a purse can never pay', () => {
    const refusal = aBroker(bound - 1).refusal(wish);

    assert.deepEqual(refusal, { blocker: 'budget', scope: 'tenant', never: true });
  });

  it('refuses a model without a price when it is made', () => {
    const profiles = { fast: target, standard: target, deep: target };
    const make = () => new Broker({ profiles, limits: {}, prices: {}, clock: new FakeClock() });

    assert.throws(make, { code: 'MODEL_UNKNOWN' });
  });
});
