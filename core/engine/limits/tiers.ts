import type pg from 'pg';
import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import RateLimiterMemory from 'rate-limiter-flexible/lib/RateLimiterMemory.js';
import RateLimiterPostgres from 'rate-limiter-flexible/lib/RateLimiterPostgres.js';
import type { Clock } from '../../base/clock.ts';
import type { RateLimit } from '../../ports/config.ts';
import { Tier } from './tier.ts';

const hourMs = 3_600_000;
const spans = { hour: hourMs, day: 24 * hourMs } as const;

/** What the tiers of an engine work with. */
export interface TiersParts {
  /** Acts as `tutti_engine`; null: nothing is shared or outlives the process. */
  readonly pool: pg.Pool | null;
  readonly clock: Pick<Clock, 'monotonic' | 'now'>;
  /** There is credit again somewhere: whoever waits may ask. */
  readonly onCredit: () => void;
}

/** The limits an hour and a day of all gates: their counts are rows of table `rate_window`, shared by engines, kept over restarts. */
export class Tiers {
  readonly #parts: TiersParts;
  readonly #tiers = new Map<string, { readonly tier: Tier; readonly limit: number }>();
  #sweptAt: number;

  constructor(parts: TiersParts) {
    this.#parts = parts;
    this.#sweptAt = parts.clock.monotonic();
  }

  /** The tiers of a gate; null where it has no such limit. `isShared` false: counted in memory. */
  of(
    name: string,
    { requestsPerHour, requestsPerDay }: RateLimit,
    isShared = true,
  ): { readonly hour: Tier | null; readonly day: Tier | null } {
    const tier = (kind: keyof typeof spans, limit: number | undefined): Tier | null =>
      limit === undefined ? null : this.#tier(name, kind, { limit, isShared });
    return { hour: tier('hour', requestsPerHour), day: tier('day', requestsPerDay) };
  }

  /** Gives back credit that nobody uses and forgets windows that are long over; call it once a second. @throws DB_* */
  async tend(): Promise<void> {
    const { clock, pool } = this.#parts;
    const now = clock.monotonic();
    for (const { tier } of this.#tiers.values()) await tier.tend(now);
    if (pool === null || now - this.#sweptAt < hourMs) return;
    this.#sweptAt = now;
    await pool.query('DELETE FROM tutti.rate_window WHERE expire < $1', [clock.now() - hourMs]);
  }

  /** Gives all credit back: the engine ends. */
  async close(): Promise<void> {
    const now = this.#parts.clock.monotonic();
    await Promise.all([...this.#tiers.values()].map(({ tier }) => tier.tend(now, true)));
  }

  #tier(
    name: string,
    kind: keyof typeof spans,
    { limit, isShared }: { readonly limit: number; readonly isShared: boolean },
  ): Tier {
    const id = `${kind} ${name}`;
    const known = this.#tiers.get(id);
    if (known?.limit === limit) return known.tier;
    const { pool, clock, onCredit } = this.#parts;
    const spanMs = spans[kind];
    const limiter = limiterOf(isShared ? pool : null, {
      keyPrefix: kind,
      points: limit,
      duration: spanMs / 1_000,
    });
    const tier = new Tier({ limiter, limit, spanMs, key: name, clock, onCredit });
    this.#tiers.set(id, { tier, limit });
    return tier;
  }
}

function limiterOf(
  pool: pg.Pool | null,
  options: { readonly keyPrefix: string; readonly points: number; readonly duration: number },
): RateLimiterAbstract {
  if (pool === null) return new RateLimiterMemory(options);
  return new RateLimiterPostgres({
    ...options,
    storeClient: pool,
    storeType: 'pool',
    schemaName: 'tutti',
    tableName: 'rate_window',
    // The migration makes it; and it is swept here, not by a timer of the library's.
    tableCreated: true,
    clearExpiredByTimeout: false,
  });
}
