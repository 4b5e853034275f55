import assert from 'node:assert/strict';
import fc from 'fast-check';
import { Gate, type Passed } from '../../../core/engine/limits/gate.ts';
import { Pace } from '../../../core/engine/limits/pace.ts';
import type { RateLimit } from '../../../core/ports/config.ts';
import { verifies } from '../../support/verifies.ts';
import { chancesFrom, seeds } from './sliding.ts';

const one = { inputTokens: 0, outputTokens: 0 };
const never = Number.POSITIVE_INFINITY;

interface Storm {
  readonly limits: RateLimit;
  /** Until then everything is refused, with this Retry-After. */
  readonly endsAt: number;
  readonly retryAfterMs?: number | undefined;
  readonly latencyMs: number;
  readonly untilMs: number;
  /** Calls that want to go at any time. */
  readonly wanting: number;
}

/** A provider that refuses everything, then nothing, and callers that always want more. */
function weather(storm: Storm, random: () => number): readonly number[] {
  const gate = new Gate(storm.limits, { pace: new Pace(random) });
  const sent: number[] = [];
  const open: { readonly at: number; readonly endsAt: number; readonly permit: Passed }[] = [];
  for (let now = 1; now < storm.untilMs; now += 5) {
    while (open[0] && open[0].endsAt <= now) {
      const { at, permit } = open.shift() as (typeof open)[number];
      gate.settle(permit, one, now);
      if (at < storm.endsAt) gate.refused({ now, sentAt: at, retryAfterMs: storm.retryAfterMs });
      else gate.answered(at, now);
    }
    while (open.length < storm.wanting && gate.blocker(one, now) === null) {
      open.push({ at: now, endsAt: now + storm.latencyMs, permit: gate.take(one, now) });
      sent.push(now);
    }
  }
  return sent;
}

/** How many of some moments, in order, are in a span. */
function between(sent: readonly number[], from: number, to: number): number {
  return countBefore(sent, to) - countBefore(sent, from);
}

function countBefore(sent: readonly number[], end: number): number {
  let [low, high] = [0, sent.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sent[middle] as number) < end) low = middle + 1;
    else high = middle;
  }
  return low;
}

/** The most in any 100 ms that begin with a call. */
function largestBucket(sent: readonly number[]): number {
  return Math.max(...sent.map((at) => between(sent, at, at + 100)));
}

const chance = fc.double({ min: 0, max: 1, noNaN: true, maxExcluded: true });
const perMinute = 1_200;
const calm = { limits: { requestsPerMinute: perMinute }, latencyMs: 50, wanting: 200 };

function refused(pace: Pace, now: number, more: { sentAt?: number; retryAfterMs?: number } = {}) {
  pace.refused({ now, sentAt: now - 1, open: 10, ...more });
}

describe('Pace', () => {
  it('stays closed for as long as the provider asks, and a random moment more', () => {
    verifies('R6.retry-after');
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 600_000 }), chance, (retryAfterMs, random) => {
        const pace = new Pace(() => random);

        refused(pace, 1_000, { retryAfterMs });

        const closedMs = pace.closedMs(1_000);
        assert.ok(closedMs >= retryAfterMs && closedMs <= retryAfterMs + 1_000, `${closedMs}`);
      }),
    );
  });

  it('holds off by itself where the provider says nothing or nonsense, longer with each refusal in a row', () => {
    verifies('R6.backoff');
    for (const retryAfterMs of [undefined, -1, 1e12, Number.NaN, never]) {
      const pace = new Pace(() => 1);
      const held: number[] = [];
      let now = 0;
      for (let each = 0; each < 7; each += 1) {
        refused(pace, now, retryAfterMs === undefined ? {} : { retryAfterMs });
        held.push(pace.closedMs(now));
        now += pace.closedMs(now) + 1;
      }

      assert.deepEqual(held, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    }
  });

  it('takes ten minutes for the longest that anybody can mean', () => {
    const pace = new Pace(() => 0);

    refused(pace, 0, { retryAfterMs: 7_200_000 });

    assert.equal(pace.closedMs(0), 600_000);
  });

  it('cuts once for each episode of refusals, never below a thirty-second part', () => {
    const pace = new Pace(() => 0);
    refused(pace, 10, { sentAt: 1 });
    for (let each = 2; each <= 10; each += 1) refused(pace, 10, { sentAt: each });

    assert.equal(pace.factor(10), 0.5);
    refused(pace, 11, { sentAt: 10.5 });
    assert.ok(pace.factor(11) < 0.26);
    for (let now = 20; now < 40; now += 1) refused(pace, now);
    assert.ok(pace.factor(39) >= 1 / 32 && pace.factor(39) < 1 / 30);
  });

  it('grows back evenly to at least nine tenths within 30 s', () => {
    const pace = new Pace(() => 0);
    for (let now = 0; now < 20; now += 1) refused(pace, now);

    const grown = [0, 5_000, 10_000, 15_000, 20_000].map((ms) => pace.factor(19 + ms));
    const steps = grown.slice(1).map((factor, at) => factor - (grown[at] as number));

    for (const step of steps) assert.ok(Math.abs(step - (steps[0] as number)) < 1e-9);
    assert.ok(pace.factor(19 + 30_000) >= 0.9);
    assert.equal(pace.factor(19 + 30_001), 1);
  });

  it('starts again from the shortest hold-off after an answer', () => {
    const pace = new Pace(() => 1);
    refused(pace, 0);
    refused(pace, 2_000);
    pace.answered(2_000, 2_100);
    refused(pace, 10_000);
    assert.equal(pace.closedMs(10_000), 4_000);

    pace.answered(10_001, 15_000);
    refused(pace, 20_000);
    assert.equal(pace.closedMs(20_000), 1_000);
  });

  it('feels its way, ten calls a second at most, until one is answered', () => {
    const gate = new Gate({ requestsPerMinute: 60_000 }, { pace: new Pace(() => 0.01) });
    gate.settle(gate.take(one, 10), one, 20);
    gate.refused({ now: 20, sentAt: 10 });
    const callsWithin = (from: number): number => {
      let calls = 0;
      for (let now = from; now < from + 500; now += 1)
        if (gate.blocker(one, now) === null) {
          gate.take(one, now);
          calls += 1;
        }
      return calls;
    };

    assert.equal(callsWithin(30), 5);
    gate.answered(30, 600);
    assert.ok(callsWithin(700) >= 200);
  });

  for (const retryAfterMs of [undefined, 2_000, -1, 1e12]) {
    it(`outlasts a minute of refusals (Retry-After ${retryAfterMs}) with few calls, no bursts, and nine tenths of the rate 30 s later`, () => {
      verifies('R6.retry-after', 'R6.backoff');
      fc.assert(
        fc.property(seeds, (seed) => {
          const chances = chancesFrom(seed);
          const random = () => chances.next().value as number;
          const endsAt = 60_000;
          const storm = { ...calm, endsAt, retryAfterMs, untilMs: 240_000 };
          const sent = weather(storm, random);

          // The first calls cannot know; every opening after them costs a call or two.
          const later = sent.filter((at) => at > 60);
          assert.ok(between(later, 0, endsAt) <= 80, `${between(later, 0, endsAt)} in the storm`);
          const mean = perMinute / 600;
          assert.ok(largestBucket(later) <= 3 * mean, `${largestBucket(later)} in 100 ms`);
          const recovered = between(sent, endsAt + 30_000, endsAt + 60_000);
          assert.ok(recovered >= 0.9 * (perMinute / 2), `${recovered} in half a minute`);
          for (const at of sent.filter((each) => each > endsAt))
            assert.ok(between(sent, at, at + 60_000) <= perMinute);
        }),
        { numRuns: 25 },
      );
    });
  }

  it('spreads calls as evenly where the refused ones had used up the whole minute', () => {
    const storm = { ...calm, endsAt: 60_000, untilMs: 240_000, wanting: 2_000 };
    const sent = weather(storm, () => 0.5);

    const later = sent.filter((at) => at > 60);
    assert.equal(between(sent, 0, 60), perMinute);
    assert.ok(between(later, 90_000, 180_000) >= 0.9 * 1.5 * perMinute);
    assert.ok(largestBucket(later) <= (3 * perMinute) / 600, `${largestBucket(later)} in 100 ms`);
  });

  it('spreads calls after a refusal, and not after the first answer however late that comes', () => {
    const gate = new Gate(calm.limits, { pace: new Pace(() => 0) });
    gate.settle(gate.take(one, 0), one, 10);
    gate.refused({ now: 10, sentAt: 0, retryAfterMs: 20_000 });
    const callsAt = (now: number): number => {
      let calls = 0;
      for (; calls < 20 && gate.blocker(one, now) === null; calls += 1)
        gate.settle(gate.take(one, now), one, now);
      if (calls > 0) gate.answered(now, now);
      return calls;
    };

    assert.equal(callsAt(20_000), 0);
    // A minute until the refused call has left its window, and one of even calls to fill it.
    assert.equal(callsAt(121_000), 1);
    assert.equal(callsAt(122_500), 20);
    assert.equal(callsAt(900_000), 20);
  });

  it('says of every wait when it is over, and no later: nobody else tells whoever waits', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 240 }), chance, (requestsPerMinute, random) => {
        const gate = new Gate({ requestsPerMinute }, { pace: new Pace(() => random) });
        gate.refused({ now: 0, sentAt: 0, retryAfterMs: 300 });
        for (let now = 0; now < 130_000; now += 500) {
          const { closedMs } = gate.stats(now);
          if (closedMs > 500) assert.ok(gate.stats(now + 500).closedMs > 0, `${now}: ${closedMs}`);
          if (gate.blocker(one, now) === null) gate.settle(gate.take(one, now), one, now);
        }
      }),
      { numRuns: 100 },
    );
  });

  it('lets a provider without known limits begin with one call, then twice as many with each round', () => {
    const sent = weather(
      { ...calm, limits: {}, endsAt: 100, untilMs: 40_000, latencyMs: 200, wanting: 64 },
      () => 0.05,
    );
    const after = sent.filter((at) => at > 100);
    const first = after[0] as number;

    const rounds = [0, 1, 2, 3].map((round) =>
      between(after, first + round * 205 - 100, first + round * 205 + 100),
    );

    assert.equal(between(sent, 0, 100), 64);
    assert.deepEqual(rounds, [1, 2, 4, 8]);
    assert.ok(between(sent, 38_000, 39_000) >= 0.9 * 64 * 4.8);
  });

  it('leaves a provider that never refused anything to itself', () => {
    const gate = new Gate({}, { pace: new Pace() });
    for (let call = 0; call < 1_000; call += 1) gate.take(one, 0);

    assert.equal(gate.blocker(one, 0), null);
  });

  it('forks into a copy that goes its own way', () => {
    const pace = new Pace(() => 1);
    refused(pace, 0);
    const copy = pace.fork();
    refused(copy, 500);

    assert.equal(pace.closedMs(500), 500);
    assert.ok(copy.factor(500) < pace.factor(500));
  });
});
