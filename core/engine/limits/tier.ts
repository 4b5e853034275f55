import type { RateLimiterAbstract } from 'rate-limiter-flexible';
import RateLimiterRes from 'rate-limiter-flexible/lib/RateLimiterRes.js';
import type { Clock } from '../../base/clock.ts';

/** Requests that a tier has let pass, to be given back in the window that they came from. */
export interface Credit {
  readonly amount: number;
  readonly window: number;
}

/** What a tier works with. */
export interface TierParts {
  /** Counts for all engines; null: nobody else is asked. */
  readonly limiter: Pick<RateLimiterAbstract, 'get' | 'consume' | 'reward'> | null;
  readonly limit: number;
  readonly spanMs: number;
  readonly key: string;
  readonly clock: Pick<Clock, 'monotonic'>;
  /** There is credit again, or hope of it: whoever waits may ask. */
  readonly onCredit: () => void;
}

/** At most this part of what is left is fetched at once, so that the last requests are fetched one by one. */
const chunkPart = 16;
const largestChunk = 256;
/** Credit that nobody used for so long goes back, for other engines. */
const idleMs = 5_000;
/** So close to its end nothing is given back to a window: by another clock it may be over, and the next would be wider by it. */
const endMarginMs = 2_000;
/** Until the store is asked again: after it failed, after another engine was quicker, and when nothing is left but what others may give back. */
const failedMs = 1_000;
const contestedMs = 50;
const emptyMs = 5_000;

/**
 * Requests an hour or a day, counted by rate-limiter-flexible in windows that begin with their first call. Its store answers
 * later; here is credit that was fetched ahead of need, so that asking is synchronous. Credit dies with its window.
 *
 * Two properties of the library shape this: a refused `consume` counts all the same, so what is left is asked for first, and
 * what was too much because another engine was quicker is rewarded at once; and a `reward` after a window's end would widen the
 * next one, so none is made near it.
 */
export class Tier {
  readonly #parts: TierParts;
  #credit = 0;
  /** Counts windows: credit of an earlier one is worth nothing. */
  #window = 0;
  #endsAt = Number.NEGATIVE_INFINITY;
  /** What the store had left when it last answered; null: not known in this window. */
  #left: number | null = null;
  #usedAt = Number.NEGATIVE_INFINITY;
  #notBefore = Number.NEGATIVE_INFINITY;
  #fetching: Promise<void> | null = null;

  constructor(parts: TierParts) {
    this.#parts = parts;
  }

  /** Whether `amount` may pass now; more credit is fetched when it runs low. */
  allows(amount: number, now: number): boolean {
    this.#roll(now);
    const isLow = this.#credit < Math.max(amount, this.#chunk() / 2);
    const isShared = this.#parts.limiter !== null;
    if (isShared && isLow && this.#fetching === null && now >= this.#notBefore)
      this.#begin(() => this.#fetch());
    return this.#credit >= amount;
  }

  /** Takes what `allows` allowed. */
  take(amount: number, now: number): Credit {
    this.#roll(now);
    this.#credit -= amount;
    this.#usedAt = now;
    return { amount, window: this.#window };
  }

  /** Gives back what was never used; nothing when its window is over. */
  giveBack({ amount, window }: Credit, now: number): void {
    this.#roll(now);
    if (window === this.#window) this.#credit += amount;
  }

  /** Milliseconds until `amount` may pass; null when the store's answer will tell. */
  waitMs(amount: number, now: number): number | null {
    this.#roll(now);
    if (this.#credit >= amount) return 0;
    if (this.#fetching !== null) return null;
    const { limiter } = this.#parts;
    return Math.max(0, (limiter === null ? this.#endsAt : this.#notBefore) - now);
  }

  /** Lets other engines have the credit that nobody needs here; with `all`, whatever there is. Call it once a second. */
  async tend(now: number, all = false): Promise<void> {
    await this.#fetching;
    this.#roll(now);
    const { limiter, key } = this.#parts;
    const isIdle = all || now - this.#usedAt > idleMs;
    if (!isIdle || limiter === null || this.#credit <= 0 || this.#endsAt - now < endMarginMs)
      return;
    const amount = this.#credit;
    this.#credit = 0;
    this.#left = (this.#left ?? 0) + amount;
    this.#begin(async () => {
      await limiter.reward(key, amount);
    });
    await this.#fetching;
  }

  /** Resolves when the store has answered what it was asked. */
  async settled(): Promise<void> {
    await this.#fetching;
  }

  /** A copy that asks nobody: all that is left is its own, and after each window comes a full one. */
  fork(): Tier {
    const { limit } = this.#parts;
    const copy = new Tier({ ...this.#parts, limiter: null, onCredit: () => {} });
    copy.#credit = this.#left === null ? limit : this.#credit + this.#left;
    copy.#left = 0;
    copy.#window = this.#window;
    copy.#endsAt = this.#endsAt;
    return copy;
  }

  /** `used`: by all engines, as far as it is known. */
  stats(now: number): { readonly used: number; readonly limit: number } {
    this.#roll(now);
    const { limit } = this.#parts;
    return { used: this.#left === null ? 0 : limit - this.#left - this.#credit, limit };
  }

  /** Ends a window whose time is over. */
  #roll(now: number): void {
    if (now < this.#endsAt) return;
    const { limiter, limit, spanMs } = this.#parts;
    if (limiter === null) {
      // A fork: nobody has begun the next window, so it begins with the call that asks.
      if (this.#endsAt > Number.NEGATIVE_INFINITY) this.#credit = limit;
      this.#endsAt = now + spanMs;
      this.#window += 1;
    } else if (this.#left !== null || this.#credit > 0) {
      this.#window += 1;
      this.#credit = 0;
      this.#left = null;
    }
  }

  #chunk(): number {
    return Math.max(1, Math.min(largestChunk, Math.ceil((this.#left ?? 0) / chunkPart)));
  }

  #begin(work: () => Promise<void>): void {
    const { clock, onCredit } = this.#parts;
    this.#fetching = work()
      .catch(() => {
        this.#notBefore = clock.monotonic() + failedMs;
      })
      .finally(() => {
        this.#fetching = null;
        onCredit();
      });
  }

  async #fetch(): Promise<void> {
    const { limiter, key, limit, clock } = this.#parts;
    if (limiter === null) return;
    const before = await limiter.get(key);
    const isOpen = before !== null && before.msBeforeNext > 0;
    this.#learn(
      isOpen ? limit - before.consumedPoints : limit,
      isOpen ? before.msBeforeNext : null,
    );
    if (this.#left === 0) {
      const now = clock.monotonic();
      this.#notBefore = Math.min(now + emptyMs, Math.max(this.#endsAt, now));
      return;
    }
    const chunk = this.#chunk();
    try {
      const after = await limiter.consume(key, chunk);
      this.#learn(limit - after.consumedPoints, after.msBeforeNext);
      this.#credit += chunk;
    } catch (error) {
      if (!(error instanceof RateLimiterRes)) throw error;
      this.#notBefore = clock.monotonic() + contestedMs;
      this.#left = null;
      if (error.msBeforeNext > endMarginMs) await limiter.reward(key, chunk);
    }
  }

  /** Takes over what the store says; `msLeft` null: no window has begun. */
  #learn(left: number, msLeft: number | null): void {
    const now = this.#parts.clock.monotonic();
    this.#roll(now);
    if (msLeft !== null) {
      const endsAt = now + msLeft;
      // A window that ends this much later is another one: its store saw the end of ours before we did.
      if (endsAt > this.#endsAt + this.#parts.spanMs / 2 && this.#endsAt > now) {
        this.#window += 1;
        this.#credit = 0;
      }
      this.#endsAt = endsAt;
    }
    this.#left = Math.max(0, left);
  }
}
