import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gate, type Passed } from '../../../core/engine/limits/gate.ts';
import type { Demand } from '../../../core/engine/limits/gate-line.ts';
import { Pace } from '../../../core/engine/limits/pace.ts';
import type { RateLimit } from '../../../core/ports/config.ts';
import { verifies } from '../../support/verifies.ts';
import { type Counted, chancesFrom, mostInAnyWindow, next, seeds } from './sliding.ts';

const minuteMs = 60_000;
const one: Demand = { inputTokens: 0, outputTokens: 0 };

interface Call {
  readonly at: number;
  readonly used: Demand;
}

interface Arrivals {
  readonly limits: RateLimit;
  /** Calls a second that come in, on average. */
  readonly perSecond: number;
  readonly bound: (chance: number) => Demand;
  readonly untilMs: number;
  /** How long a call lasts, at most. */
  readonly lastsMs: number;
}

/**
 * Calls that come in bunches and at random, wait in order, pass when the gate lets them, last a while and use a random part of
 * their bounds. Returns what passed, at its exact moment.
 */
function letPass(
  { limits, perSecond, bound, untilMs, lastsMs }: Arrivals,
  chances: IterableIterator<number>,
): readonly Call[] {
  const gate = new Gate(limits);
  const passed: Call[] = [];
  let open: { readonly endsAt: number; readonly used: Demand; readonly permit: Passed }[] = [];
  let endsNext = Number.POSITIVE_INFINITY;
  const waiting: Demand[] = [];
  let head = 0;
  let arrivesAt = 0;
  for (let now = 0; now < untilMs; ) {
    if (endsNext <= now) {
      for (const each of open) if (each.endsAt <= now) gate.settle(each.permit, each.used, now);
      open = open.filter(({ endsAt }) => endsAt > now);
      endsNext = open.reduce(
        (first, { endsAt }) => Math.min(first, endsAt),
        Number.POSITIVE_INFINITY,
      );
    }
    if (arrivesAt <= now) {
      const bunch = 1 + Math.floor(next(chances) * 8);
      for (let each = 0; each < bunch; each += 1) waiting.push(bound(next(chances)));
      arrivesAt = now + ((bunch * 1_000) / perSecond) * 2 * next(chances);
    }
    for (let demand = waiting[head]; demand; demand = waiting[head]) {
      if (gate.blocker(demand, now) !== null) break;
      head += 1;
      const part = next(chances);
      const used = {
        inputTokens: Math.floor(demand.inputTokens * part),
        outputTokens: Math.floor(demand.outputTokens * next(chances)),
      };
      const permit = gate.take(demand, now);
      const endsAt = now + next(chances) * lastsMs;
      open.push({ endsAt, used, permit });
      endsNext = Math.min(endsNext, endsAt);
      passed.push({ at: now, used });
    }
    const first = waiting[head];
    const waitMs = first ? gate.waitMs(first, now) : null;
    now = Math.max(now + 0.125, Math.min(endsNext, arrivesAt, now + (waitMs ?? minuteMs)));
  }
  return passed;
}

function counted(calls: readonly Call[], amount: (used: Demand) => number): readonly Counted[] {
  return calls.map(({ at, used }) => ({ at, amount: amount(used) }));
}

describe('Gate', () => {
  it('lets no more of anything pass in any minute, any second or at once than its limits say', () => {
    verifies('R6.sliding-window', 'R6.tiers', 'R6.concurrent');
    const limits = {
      requestsPerMinute: 90,
      inputTokensPerMinute: 40_000,
      outputTokensPerMinute: 9_000,
      tokensPerMinute: 45_000,
      burst: 7,
    };
    const bound = (chance: number) => ({
      inputTokens: 100 + Math.floor(chance * 1_500),
      outputTokens: 50 + Math.floor(chance * 400),
    });
    fc.assert(
      fc.property(seeds, (seed) => {
        const chances = chancesFrom(seed);
        const calls = letPass(
          { limits, perSecond: 6, bound, untilMs: 3 * minuteMs, lastsMs: 20_000 },
          chances,
        );

        const most = (amount: (used: Demand) => number, spanMs = minuteMs) =>
          mostInAnyWindow(counted(calls, amount), spanMs);
        assert.ok(most(() => 1) <= limits.requestsPerMinute);
        assert.ok(most(() => 1, 1_000) <= limits.burst);
        assert.ok(most(({ inputTokens }) => inputTokens) <= limits.inputTokensPerMinute);
        assert.ok(most(({ outputTokens }) => outputTokens) <= limits.outputTokensPerMinute);
        const both = ({ inputTokens, outputTokens }: Demand) => inputTokens + outputTokens;
        assert.ok(most(both) <= limits.tokensPerMinute);
        assert.ok(calls.length > 90, `${calls.length} calls`);
      }),
      { numRuns: 60 },
    );
  });

  for (const limit of [40, 600]) {
    it(`uses 95 % of ${limit} requests a minute under twice the demand`, () => {
      verifies('R6.utilisation');
      const limits = { requestsPerMinute: limit };
      fc.assert(
        fc.property(seeds, (seed) => {
          const chances = chancesFrom(seed);
          const arrivals = {
            limits,
            perSecond: limit / 30,
            bound: () => one,
            untilMs: 10 * minuteMs,
            lastsMs: 100,
          };
          const calls = letPass(arrivals, chances);

          assert.ok(calls.length >= 0.95 * 10 * limit, `${calls.length} of ${10 * limit}`);
          assert.ok(mostInAnyWindow(counted(calls, () => 1)) <= limit);
        }),
        { numRuns: 15 },
      );
    });
  }

  it('uses 95 % of the tokens a minute, when calls use what they may', () => {
    verifies('R6.utilisation');
    const limits = { tokensPerMinute: 100_000 };
    fc.assert(
      fc.property(seeds, (seed) => {
        const chances = chancesFrom(seed);
        const gate = new Gate(limits);
        let used = 0;
        for (let now = 0; now < 10 * minuteMs; ) {
          const demand = { inputTokens: 1 + Math.floor(4_999 * next(chances)), outputTokens: 0 };
          while (gate.blocker(demand, now) !== null)
            now += Math.max(gate.waitMs(demand, now) as number, 0.01);
          if (now >= 10 * minuteMs) break;
          gate.settle(gate.take(demand, now), demand, now);
          used += demand.inputTokens;
          now += 0.6 * demand.inputTokens * 0.5 * next(chances);
        }

        assert.ok(used >= 0.95 * 10 * 100_000, `${used}`);
      }),
      { numRuns: 20 },
    );
  });

  it('bounds the calls at once, and says that only the end of one will tell', () => {
    verifies('R6.concurrent');
    const gate = new Gate({ concurrency: 2 });
    const first = gate.take(one, 0);
    gate.take(one, 0);

    assert.equal(gate.blocker(one, 5), 'model_concurrency');
    assert.equal(gate.waitMs(one, 5), null);
    gate.settle(first, one, 6);
    assert.equal(gate.blocker(one, 6), null);
  });

  it('names what stands in the way, first things first, and everything that does', () => {
    const gate = new Gate({ requestsPerMinute: 3, tokensPerMinute: 100, burst: 1 });
    const demand = { inputTokens: 40, outputTokens: 20 };
    gate.take(demand, 0);

    assert.equal(gate.blocker(demand, 10), 'model_tokens');
    assert.deepEqual(gate.blockers(demand, 10), ['model_tokens', 'burst']);
    assert.equal(gate.blocker(one, 10), 'burst');
    assert.equal(gate.blocker(one, 1_100), null);
    assert.equal(new Gate({ requestsPerMinute: 0 }).blocker(one, 0), 'model_requests');
  });

  it('gives back what a call did not use, and all of one that was never made', () => {
    const gate = new Gate({ requestsPerMinute: 2, inputTokensPerMinute: 100 });
    const demand = { inputTokens: 90, outputTokens: 500 };
    gate.settle(gate.take(demand, 0), { inputTokens: 20, outputTokens: 7 }, 1_000);

    assert.equal(gate.blocker({ inputTokens: 81, outputTokens: 0 }, 1_000), 'model_tokens');
    gate.release(gate.take({ inputTokens: 80, outputTokens: 0 }, 1_000), 2_000);
    assert.equal(gate.blocker({ inputTokens: 80, outputTokens: 0 }, 2_000), null);
    gate.take({ inputTokens: 80, outputTokens: 0 }, 2_000);
    assert.equal(gate.blocker(one, 2_000), 'model_requests');
  });

  it('gives back the second, too, that a call took which was never made', () => {
    const gate = new Gate({ requestsPerMinute: 9, burst: 2 });
    gate.take(one, 10_400);
    const unused = gate.take(one, 10_400);

    gate.release(unused, 10_500);

    assert.equal(gate.blocker(one, 10_500), null);
    gate.take(one, 10_500);
    assert.equal(gate.blocker(one, 10_600), 'burst');
  });

  it('takes other limits while calls are out, and what came before a limit is not given back to it', () => {
    const gate = new Gate({ requestsPerMinute: 5 });
    const early = gate.take({ inputTokens: 50, outputTokens: 0 }, 0);

    gate.setLimits({ requestsPerMinute: 2, inputTokensPerMinute: 100 });
    gate.settle(early, one, 1_000);
    gate.take({ inputTokens: 100, outputTokens: 0 }, 1_000);

    assert.equal(gate.blocker(one, 1_000), 'model_requests');
    gate.setLimits({ inputTokensPerMinute: 100 });
    assert.equal(gate.blocker(one, 1_000), null);
    assert.equal(gate.blocker({ inputTokens: 1, outputTokens: 0 }, 1_000), 'model_tokens');
  });

  it('counts a call that has not left in every window, and for a whole one from when it has', () => {
    verifies('R6.sliding-window');
    const gate = new Gate({ requestsPerMinute: 2, inputTokensPerMinute: 100, burst: 2 });
    const demand = { inputTokens: 40, outputTokens: 0 };
    const [late, unmade] = [gate.admit(demand, 0), gate.admit(demand, 0)];

    assert.equal(gate.blocker(one, 300_000), 'model_requests');
    assert.equal(gate.blocker({ inputTokens: 21, outputTokens: 0 }, 300_000), 'model_requests');
    gate.release(unmade, 300_000);
    assert.equal(gate.blocker(one, 300_000), null);
    gate.sent(late, 300_000);
    gate.take(one, 300_000);
    assert.equal(gate.blocker(one, 300_000), 'model_requests');
    gate.settle(late, { inputTokens: 90, outputTokens: 0 }, 310_000);
    assert.deepEqual(gate.stats(361_000).limits.inputTokensPerMinute, { used: 90, limit: 100 });
    assert.equal(gate.blocker(one, 361_000), 'model_requests');
    assert.equal(gate.blocker({ inputTokens: 100, outputTokens: 0 }, 361_500), null);
  });

  it('takes a call of which nobody says when it left to have left when it ended', () => {
    const gate = new Gate({ requestsPerMinute: 1 });
    gate.settle(gate.admit(one, 0), one, 100_000);

    assert.equal(gate.blocker(one, 160_000), 'model_requests');
    assert.equal(gate.blocker(one, 161_500), null);
  });

  it('says to look again when a window after that in which a call leaves has passed', () => {
    const gate = new Gate({ requestsPerMinute: 1 });
    gate.admit(one, 0);

    const waitMs = gate.waitMs(one, 100_000) as number;

    assert.ok(waitMs > 60_000 && waitMs <= 61_500, `${waitMs} ms`);
    assert.deepEqual(gate.shared(100_000)[0]?.used, 1);
  });

  it('forks into a copy that goes its own way', () => {
    const gate = new Gate({ requestsPerMinute: 3, concurrency: 2 });
    const permit = gate.take(one, 0);

    const copy = gate.fork();
    copy.settle(permit, one, 10);
    copy.take(one, 10);
    copy.take(one, 10);

    assert.equal(copy.blocker(one, 10), 'model_concurrency');
    assert.equal(gate.blocker(one, 10), null);
    assert.deepEqual(gate.stats(10).limits, {
      requestsPerMinute: { used: 1, limit: 3 },
      concurrency: { used: 1, limit: 2 },
    });
  });
});

describe('a gate that hears its provider', () => {
  const heard = { at: 0, now: 0 };

  it('closes until what is used up is there again', () => {
    verifies('R6.retry-after');
    const gate = new Gate({ requestsPerMinute: 100 }, { pace: new Pace() });

    gate.heard({ tokens: { remaining: 0, resetMs: 4_000 } }, heard);
    gate.heard({ requests: { remaining: 3, resetMs: 9_000 } }, heard);

    assert.equal(gate.blocker(one, 3_999), 'closed');
    assert.equal(gate.waitMs(one, 1_000), 3_000);
    assert.equal(gate.blocker(one, 4_000), null);
  });

  it('takes over a limit that is narrower than its own, or that it had none of, while it is said', () => {
    const gate = new Gate({ requestsPerMinute: 100 }, { pace: new Pace() });

    gate.heard({ requests: { limit: 2 }, inputTokens: { limit: 50 } }, heard);
    gate.take({ inputTokens: 50, outputTokens: 0 }, 0);

    assert.equal(gate.blocker({ inputTokens: 1, outputTokens: 0 }, 0), 'model_tokens');
    gate.take(one, 0);
    assert.equal(gate.blocker(one, 0), 'model_requests');
    gate.heard({ requests: { limit: 500 } }, { at: 10, now: 10 });
    assert.equal(gate.blocker(one, 10), null);
    assert.deepEqual(gate.stats(10).limits.requestsPerMinute, { used: 2, limit: 100 });
    assert.deepEqual(gate.stats(700_000).limits.requestsPerMinute?.limit, 100);
    assert.equal(gate.blocker({ inputTokens: 5_000, outputTokens: 0 }, 700_000), null);
  });

  it('believes nothing that cannot be meant', () => {
    const gate = new Gate({}, { pace: new Pace() });

    for (const limit of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      gate.heard({ requests: { limit, remaining: 0, resetMs: Number.NaN } }, heard);
    gate.heard({ tokens: { remaining: 0, resetMs: -5 }, requests: { remaining: 0 } }, heard);

    assert.equal(gate.blocker(one, 0), null);
    assert.deepEqual(gate.stats(0).limits, {});
    gate.heard({ tokens: { remaining: 0, resetMs: 1e15 } }, heard);
    assert.equal(gate.waitMs(one, 0), 600_000);
  });
});
