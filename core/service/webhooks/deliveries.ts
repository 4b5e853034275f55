import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { Metrics } from '../../base/telemetry/metrics.ts';
import type { Seal } from '../../ports/seal.ts';
import { Ticker } from '../ticker.ts';
import { type AttemptParts, attempt } from './attempt.ts';
import { type Claim, claim, settle } from './claims.ts';
import { fanOut } from './fan-out.ts';
import { purge } from './purge.ts';
import { sealAll } from './sealed.ts';

/** What deliveries are made with. */
export interface DeliveryParts {
  /** Of `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly clock: Clock;
  /** Reaches what the configuration allows. */
  readonly fetch: typeof fetch;
  readonly onError: (error: unknown) => void;
  /** Opens the secrets that deliveries are signed with. */
  readonly seal: Seal;
  /** Told of every attempt. @default nobody counts */
  readonly metrics?: Metrics;
  /** For one attempt. @default 15000 */
  readonly timeoutMs?: number;
  /** 0 to 1, for delays. @default Math.random */
  readonly chance?: () => number;
}

const everyMs = 1_000;
const purgeEveryMs = 3_600_000;
/** Attempts at once of this engine. */
const mostAtOnce = 32;
/** What attempts get to end in when the process is asked to end. */
const closePatienceMs = 5_000;

/**
 * Tells webhook endpoints what happens: once a second the feeds of all tenants are made into deliveries and those that are due are attempted.
 * Any number of engines may do so at once: whoever holds a tenant's place reads its feed, and every attempt is claimed by one of them. An
 * engine that dies leaves its attempts to the others once their claims lapse, so an endpoint may hear the same message twice, under one id.
 */
export class WebhookDeliveries {
  readonly #parts: DeliveryParts;
  readonly #attempts: AttemptParts;
  readonly #closing = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #ticker: Ticker;
  /** On the monotonic clock, as is `#readAt`: nothing waits for the time that a clock was set back by. */
  #purgedAt: number;
  #readAt = Number.NEGATIVE_INFINITY;

  constructor(parts: DeliveryParts) {
    const { clock, fetch, onError, timeoutMs = 15_000 } = parts;
    this.#parts = parts;
    this.#attempts = { fetch, clock, timeoutMs };
    this.#purgedAt = clock.monotonic();
    this.#ticker = new Ticker({ clock, everyMs, work: () => this.#turn(), onError });
  }

  async start(): Promise<void> {
    const { pool, seal, onError } = this.#parts;
    await sealAll(pool, seal, onError).catch(onError);
    this.#ticker.wake();
  }

  /** Begins nothing more, and waits a little for what is under way. */
  async close(): Promise<void> {
    await this.#ticker.close();
    const cancel = this.#parts.clock.after(closePatienceMs, () => this.#closing.abort());
    await this.settled();
    cancel();
  }

  /** Resolves when nothing is being read or attempted: what is to come waits for its time. */
  async settled(): Promise<void> {
    await this.#ticker.settled();
    while (this.#running.size > 0) {
      await Promise.all(this.#running);
      await this.#ticker.settled();
    }
  }

  async #turn(): Promise<void> {
    const { pool, clock } = this.#parts;
    // An attempt that has ended wakes this, too: the feed is read once a second all the same.
    if (clock.monotonic() - this.#readAt >= everyMs) {
      this.#readAt = clock.monotonic();
      await fanOut({ pool, now: new Date(clock.now()), onError: this.#parts.onError });
    }
    await this.#take();
    if (clock.monotonic() - this.#purgedAt < purgeEveryMs) return;
    this.#purgedAt = clock.monotonic();
    await purge(pool, new Date(clock.now()));
    // Endpoints may have been made by a process without the key.
    await sealAll(pool, this.#parts.seal, this.#parts.onError);
  }

  async #take(): Promise<void> {
    const { pool, clock, seal } = this.#parts;
    const limit = mostAtOnce - this.#running.size;
    if (limit <= 0) return;
    const now = clock.now();
    // Longer than an attempt and its record take: a claim lapses only where an engine has died or stood still.
    const until = new Date(now + this.#attempts.timeoutMs * 4);
    for (const each of await claim(pool, { now: new Date(now), until, limit, seal })) {
      const running = this.#make(each, until.getTime())
        .catch(this.#parts.onError)
        .finally(() => {
          this.#running.delete(running);
          // The endpoint has room again.
          this.#ticker.wake();
        });
      this.#running.add(running);
    }
  }

  async #make(each: Claim, until: number): Promise<void> {
    const { pool, clock, metrics, chance = Math.random } = this.#parts;
    // An engine that stood still in between must not begin what is somebody else's by now.
    if (clock.now() >= until) return;
    const outcome = await attempt(this.#attempts, each, this.#closing.signal);
    const settlement = { outcome, now: new Date(clock.now()), chance: chance() };
    const state = await settle(pool, each, settlement);
    metrics?.add('tutti.deliveries.attempts', 1, { outcome: outcome.kind });
    if (state === 'delivered' || state === 'failed')
      metrics?.add('tutti.deliveries.ended', 1, { state });
  }
}
