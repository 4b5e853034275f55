import type { Clock } from '../../base/clock.ts';
import type { Broker, CallWish, Grant } from '../limits/broker.ts';
import { type LimitConfig, limitsOf } from '../limits/gate-limits.ts';
import { Permits } from '../limits/permits.ts';
import { Tier } from '../limits/tier.ts';
import type { Tiers } from '../limits/tiers.ts';
import type {
  CallTokens,
  ForecastLimits,
  ForecastStart,
  Obstacle,
} from '../schedule/expected-work.ts';
import type { PlannedTurn } from './tasks.ts';

/** A clock that stands where a forecast puts it. */
export class ForecastClock implements Clock {
  #at = 0;

  now(): number {
    return this.#at;
  }

  monotonic(): number {
    return this.#at;
  }

  after(): () => void {
    return () => {};
  }

  set(atMs: number): void {
    this.#at = atMs;
  }
}

const hourMs = 3_600_000;

/** Gates with the configured limits and nothing used of them, of an engine that is alone; hours and days begin with their first call. */
export function planPermits(limits: LimitConfig, clock: ForecastClock): Permits {
  const tier = (limit: number | undefined, spanMs: number): Tier | null =>
    limit === undefined
      ? null
      : new Tier({ limiter: null, key: '', limit, spanMs, clock, onCredit: () => {} });
  const of: Tiers['of'] = (_, { requestsPerHour, requestsPerDay }) => ({
    hour: tier(requestsPerHour, hourMs),
    day: tier(requestsPerDay, 24 * hourMs),
  });
  return new Permits({ limitsOf: limitsOf(limits), tiers: { of }, random: () => 0.5 });
}

/** The gates of a broker as a forecast asks them. Money is not asked for: whoever has too little was denied in the walk. */
export class PlanGates implements ForecastLimits<Grant | null> {
  readonly #broker: Broker;
  readonly #clock: ForecastClock;
  readonly #wishOf: (start: ForecastStart) => Omit<CallWish, 'bytes'>;

  constructor(
    broker: Broker,
    clock: ForecastClock,
    wishOf: (start: ForecastStart) => Omit<CallWish, 'bytes'>,
  ) {
    this.#broker = broker;
    this.#clock = clock;
    this.#wishOf = wishOf;
  }

  blocker(start: ForecastStart, atMs: number): Obstacle | null {
    const wish = this.#wish(start, atMs);
    const refusal = wish && this.#broker.refusal(wish);
    return refusal ? { kind: refusal.blocker, name: refusal.scope } : null;
  }

  blockers(start: ForecastStart, atMs: number): readonly Obstacle[] {
    const wish = this.#wish(start, atMs);
    if (!wish) return [];
    return this.#broker
      .refusals(wish)
      .map(({ blocker, scope }) => ({ kind: blocker, name: scope }));
  }

  take(start: ForecastStart, atMs: number): Grant | null {
    const wish = this.#wish(start, atMs);
    return wish && this.#broker.grant(wish);
  }

  settle(grant: Grant | null, use: CallTokens, atMs: number): void {
    this.#clock.set(atMs);
    const usage = { ...use, cachedInput: 0, cacheWrite: 0, reasoning: 0 };
    if (grant) this.#broker.settle(grant, { usage, sent: true });
  }

  waitMs(start: ForecastStart, atMs: number): number | null {
    const wish = this.#wish(start, atMs);
    return wish && this.#broker.waitMs(wish);
  }

  #wish(start: ForecastStart, atMs: number): CallWish | null {
    this.#clock.set(atMs);
    if (!start.turn) return null;
    return { ...this.#wishOf(start), bytes: (start.turn as PlannedTurn).bytes };
  }
}
