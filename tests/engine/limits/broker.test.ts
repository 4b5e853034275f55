import assert from 'node:assert/strict';
import { Breakers } from '../../../core/engine/limits/breaker.ts';
import { Broker, type BrokerParts, type CallWish } from '../../../core/engine/limits/broker.ts';
import type { ModelChain } from '../../../core/ports/config.ts';
import type { ModelTarget } from '../../../core/ports/models/model.ts';
import { FakeClock } from '../../support/fixtures/clock.ts';
import { verifies } from '../../support/verifies.ts';

const price = { input: 1_000_000, cachedInput: 100_000, cacheWrite: 1_000_000, output: 2_000_000 };
const cheap = { input: 100_000, cachedInput: 100_000, cacheWrite: 100_000, output: 200_000 };
const target = { provider: 'scripted', model: 'house', maxOutputTokens: 1_000 };
const wish: CallWish = {
  profile: 'standard',
  bytes: 976,
  scopes: ['tenant', 'run:1'],
  period: '2026-06-30',
  tenantId: 1,
  module: 'finance',
};
/** 976 bytes and 1,024 tokens of overhead at 1 micro-USD, 1,000 tokens of output at 2. */
const bound = 4_000;
const usage = { input: 500, cachedInput: 0, cacheWrite: 0, output: 100, reasoning: 0 };
const rateLimited = { code: 'MODEL_RATE_LIMITED' } as const;

function brokerOf(
  chain: readonly ModelTarget[],
  options: Partial<BrokerParts> & Pick<ModelChain, 'choose'> = {},
): Broker {
  const { choose = 'order', ...parts } = options;
  const profile = { targets: chain, choose };
  const broker = new Broker({
    profiles: { fast: profile, standard: profile, deep: profile },
    limits: {},
    prices: { house: price, spare: cheap },
    clock: new FakeClock(),
    ...parts,
  });
  broker.budget.open('tenant', 1_000_000_000);
  return broker;
}

function aBroker(limit: number, clock = new FakeClock()): Broker {
  const limits = { modelLimits: { house: { requestsPerMinute: 2, concurrency: 2 } } };
  const broker = brokerOf([target], { limits, clock });
  broker.budget.open('tenant', limit);
  return broker;
}

describe('Broker', () => {
  it('counts a granted call in every minute until it has left', () => {
    verifies('R6.sliding-window');
    const clock = new FakeClock();
    const limits = { modelLimits: { house: { requestsPerMinute: 2 } } };
    const broker = brokerOf([target], { limits, clock });
    const [first, second] = [broker.grant(wish), broker.grant(wish)];

    clock.pass(200_000);
    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    broker.sent(first);
    clock.pass(61_500);
    assert.equal(broker.refusal(wish), null);
    broker.grant(wish);
    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    broker.settle(second, { usage: null, sent: false });
    assert.equal(broker.refusal(wish), null);
  });

  it('reserves the greatest possible cost, and settles what a call did cost', () => {
    verifies('R7.reserve', 'R7.cost', 'R7.own-prices');
    const broker = aBroker(10_000);

    const grant = broker.grant(wish);

    assert.equal(grant.boundMicroUsd, bound);
    assert.deepEqual(grant.bound, { inputTokens: 2_000, outputTokens: 1_000 });
    assert.equal(broker.budget.left('tenant'), 10_000 - bound);
    const end = broker.settle(grant, { usage, sent: true });
    assert.deepEqual(end, { state: 'settled', costMicroUsd: 700 });
    assert.equal(broker.budget.left('tenant'), 9_300);
  });

  it('counts a call of unknown usage in full, and one that was not sent or was refused not at all', () => {
    verifies('R7.orphan');
    const broker = aBroker(10_000);

    const lost = broker.settle(broker.grant(wish), { usage: null, sent: true });
    const unsent = broker.settle(broker.grant(wish), { usage: null, sent: false });
    const refused = broker.settle(broker.grant(wish), {
      usage: null,
      sent: true,
      error: rateLimited,
    });

    assert.deepEqual(lost, { state: 'estimated', costMicroUsd: bound });
    assert.deepEqual(unsent, { state: 'released', costMicroUsd: 0 });
    assert.deepEqual(refused, { state: 'released', costMicroUsd: 0 });
    assert.equal(broker.budget.left('tenant'), 10_000 - bound);
  });

  it('leaves a provider alone that nobody can reach, though calls that never left cost nothing', () => {
    verifies('R8.breaker');
    const clock = new FakeClock();
    const breakers = new Breakers({ clock, limits: () => ({ failures: 2 }) });
    const broker = brokerOf([target], { clock, breakers });

    for (const _ of [1, 2]) {
      const error = { code: 'MODEL_UNAVAILABLE' } as const;
      const end = broker.settle(broker.grant(wish), { usage: null, sent: false, error });
      assert.deepEqual(end, { state: 'released', costMicroUsd: 0 });
    }

    assert.equal(broker.refusal(wish)?.blocker, 'breaker');
  });

  it('counts a reply that broke off by a refusal in full: it may be billed', () => {
    const broker = aBroker(10_000);

    const end = broker.settle(broker.grant(wish), {
      usage: null,
      sent: true,
      error: { ...rateLimited, isBegun: true },
    });

    assert.deepEqual(end, { state: 'estimated', costMicroUsd: bound });
  });

  it('names the purse or the gate in the way, and when to look again', () => {
    const clock = new FakeClock();
    const broker = aBroker(3 * bound, clock);
    const first = broker.grant(wish);
    broker.grant(wish);

    const full = {
      blocker: 'model_concurrency',
      scope: 'model:house',
      never: false,
      untilMs: null,
    };
    assert.deepEqual(broker.refusal(wish), full);
    assert.deepEqual(
      broker.refusals(wish).map(({ blocker }) => blocker),
      ['model_concurrency', 'model_requests'],
    );
    broker.settle(first, { usage: null, sent: true });
    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    clock.pass(broker.waitMs(wish) ?? 0);
    assert.equal(broker.refusal(wish), null);
    broker.grant(wish);
    const poor = { blocker: 'budget', scope: 'tenant', never: false, untilMs: null };
    assert.deepEqual(broker.refusal(wish), poor);
  });

  it('says that waiting will not help where a purse can never pay', () => {
    const refusal = aBroker(bound - 1).refusal(wish);

    assert.deepEqual(refusal, { blocker: 'budget', scope: 'tenant', never: true, untilMs: null });
  });

  it('refuses a model without a price when it is made', () => {
    assert.throws(() => brokerOf([target], { prices: {} }), { code: 'MODEL_UNKNOWN' });
  });

  it('limits a tenant and a module over all their models', () => {
    verifies('R6.tiers');
    const limits = { tenantLimit: { burst: 3 }, moduleLimits: { finance: { burst: 1 } } };
    const broker = brokerOf([target], { limits });
    broker.grant(wish);

    assert.equal(broker.refusal(wish)?.scope, 'module:finance');
    const other = { ...wish, module: 'hr' };
    broker.grant(other);
    broker.grant(other);
    assert.equal(broker.refusal(other)?.scope, 'tenant:1');
    assert.equal(broker.refusal({ ...other, tenantId: 2 }), null);
  });

  it('closes the gate of a model whose provider refuses, and of no other', () => {
    verifies('R6.retry-after');
    const clock = new FakeClock();
    const broker = brokerOf([target, { ...target, model: 'spare' }], { clock });
    const grant = broker.grant(wish);
    clock.pass(10);

    broker.settle(grant, {
      usage: null,
      sent: true,
      error: { ...rateLimited, retryAfterMs: 5_000 },
    });

    const refusal = broker.refusal(wish);
    assert.deepEqual([refusal?.blocker, refusal?.scope], ['closed', 'model:house']);
    assert.ok((refusal?.untilMs ?? 0) >= 5_000);
    assert.equal(broker.stats().gates['model:spare'], undefined);
  });

  it('closes it, too, when the provider says that nothing is left', () => {
    const clock = new FakeClock();
    const broker = brokerOf([target], { clock });
    const grant = broker.grant(wish);
    clock.pass(2_000);

    broker.settle(grant, {
      usage,
      sent: true,
      quota: { tokens: { remaining: 0, resetMs: 5_000 } },
    });

    assert.equal(broker.refusal(wish)?.untilMs, 3_000);
  });

  it('grants retries to a fifth of the calls of a minute and ten more', () => {
    verifies('R6.backoff');
    const broker = brokerOf([target]);
    for (let call = 0; call < 50; call += 1)
      broker.settle(broker.grant(wish), { usage, sent: true });

    const retries = Array.from({ length: 25 }, () => broker.retries('house'));

    assert.equal(retries.filter(Boolean).length, 20);
    assert.equal(broker.retries('spare'), true);
  });

  it('counts calls, tokens and the time that they waited', () => {
    verifies('R11.limit-status');
    const clock = new FakeClock();
    const broker = aBroker(10_000, clock);
    const askedAt = clock.monotonic();
    broker.settle(broker.grant({ ...wish, askedAt }), { usage, sent: true });
    clock.pass(300);
    broker.grant({ ...wish, askedAt });

    const { gates, totals } = broker.stats();

    const waits = { averageMs: 150, maxMs: 300 };
    assert.deepEqual(totals, { requests: 2, tokens: 600, waits });
    assert.deepEqual(gates['model:house']?.limits, {
      requestsPerMinute: { used: 2, limit: 2 },
      concurrency: { used: 1, limit: 2 },
    });
  });

  it('does not grant again what an engine that is gone was granted within the minute', () => {
    verifies('R6.sliding-window');
    const clock = new FakeClock();
    const broker = aBroker(1_000_000, clock);
    const call = {
      model: 'house',
      tenantId: 1,
      module: 'hr',
      used: usage && { inputTokens: 1, outputTokens: 1 },
    };

    broker.recall([
      { ...call, agoMs: 20_000 },
      { ...call, agoMs: 50_000 },
      { ...call, agoMs: 90_000 },
    ]);

    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    clock.pass(9_000);
    assert.equal(broker.refusal(wish)?.blocker, 'model_requests');
    clock.pass(3_000);
    assert.equal(broker.refusal(wish), null);
  });

  it('forks into a copy that spends nothing of the real one', () => {
    const clock = new FakeClock();
    const broker = aBroker(10_000, clock);
    const copy = broker.fork(new FakeClock(clock.now()));

    copy.grant(wish);
    copy.grant(wish);

    assert.equal(copy.refusal(wish)?.blocker, 'budget');
    assert.equal(broker.budget.left('tenant'), 10_000);
    assert.equal(broker.stats().totals.requests, 0);
  });
});

describe('a chain of models', () => {
  const spare = { ...target, model: 'spare' };

  function failing(broker: Broker, times: number): void {
    const error = { code: 'MODEL_UNAVAILABLE' } as const;
    for (let each = 0; each < times; each += 1)
      broker.settle(broker.grant(wish), { usage: null, sent: true, error });
  }

  it('goes to the next target while one is left alone, and back when that is well again', () => {
    verifies('R4.profiles');
    const clock = new FakeClock();
    const broker = brokerOf([target, spare], { clock });
    failing(broker, 5);

    const next = broker.grant(wish);

    assert.deepEqual([next.target, next.model, next.boundMicroUsd], [1, 'spare', bound / 10]);
    broker.settle(next, { usage, sent: true });
    clock.pass(60_000);
    for (let probe = 0; probe < 3; probe += 1) {
      const grant = broker.grant(wish);
      assert.equal(grant.model, 'house');
      assert.equal(broker.grant(wish).model, 'spare');
      broker.settle(grant, { usage, sent: true });
    }
    assert.equal(broker.grant(wish).model, 'house');
  });

  it('says when the first is probed while all are left alone', () => {
    const clock = new FakeClock();
    const broker = brokerOf([target, spare], { clock });
    failing(broker, 5);
    clock.pass(10_000);
    failing(broker, 5);

    assert.deepEqual(broker.refusal(wish), {
      blocker: 'breaker',
      scope: 'model:house',
      never: false,
      untilMs: 50_000,
    });
  });

  it('asks the cheapest that may be called now, when it chooses by cost', () => {
    verifies('R4.cheaper-model');
    const limits = { modelLimits: { spare: { concurrency: 1 }, house: { concurrency: 1 } } };
    const broker = brokerOf([target, spare], { choose: 'cost', limits });

    const models = [broker.grant(wish), broker.grant(wish)].map(({ model }) => model);

    assert.deepEqual(models, ['spare', 'house']);
    assert.equal(broker.refusal(wish)?.scope, 'model:spare');
  });

  it('keeps two accounts of one model apart', () => {
    verifies('R4.compatible-endpoint');
    const other = { ...target, baseUrl: 'https://models.example/v1' };
    const broker = brokerOf([target, other]);
    failing(broker, 5);

    const grant = broker.grant(wish);

    assert.equal(grant.target, 1);
    assert.deepEqual(Object.keys(broker.stats().gates), [
      'model:house',
      'model:house@models.example',
    ]);
  });

  it('leaves breakers and retries alone in a rehearsal, and has gates of its own', () => {
    const clock = new FakeClock();
    const breakers = new Breakers({ clock, limits: () => ({}) });
    const limits = { modelLimits: { house: { requestsPerMinute: 1 } } };
    const broker = brokerOf([target], { clock, breakers, limits });
    const rehearsed = { ...wish, simulated: true };
    const error = { code: 'MODEL_UNAVAILABLE' } as const;
    for (let each = 0; each < 5; each += 1) {
      broker.settle(broker.grant(rehearsed), { usage: null, sent: true, error });
      clock.pass(70_000);
    }

    broker.grant(rehearsed);

    for (let each = 0; each < 60; each += 1)
      broker.settle(broker.grant({ ...rehearsed, module: 'it' }), { usage, sent: true });

    assert.equal(
      Array.from({ length: 12 }, () => broker.retries('house')).filter(Boolean).length,
      10,
    );
    assert.deepEqual(breakers.open, []);
    assert.equal(broker.refusal(rehearsed)?.scope, 'simulated model:house');
    assert.equal(broker.refusal(wish), null);
  });
});
