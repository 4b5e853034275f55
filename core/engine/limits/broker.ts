import type { Clock } from '../../base/clock.ts';
import type { ModelLimit } from '../../ports/config.ts';
import type { Usage } from '../../ports/models/model.ts';
import {
  costMicroUsd,
  PRICES_VERSION,
  type Price,
  type PriceOverrides,
  priceOf,
  requestOverheadTokens,
  upperBoundMicroUsd,
} from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { ModelProfile } from '../../sdk/agent.ts';
import { Breakers } from './breaker.ts';
import { Budget, type Reservation } from './budget.ts';
import { type ModelBlocker, type Permit, Permits } from './permits.ts';

/** A model call that somebody wants to make. `bytes` is the request's size in UTF-8, or an upper bound of it. */
export interface CallWish {
  readonly profile: ModelProfile;
  readonly bytes: number;
  /** Purses that pay, widest first. */
  readonly scopes: readonly string[];
  /** The UTC day of the shared ones. */
  readonly period: string;
}

/** Permission for one model call, with everything that it holds. */
export interface Grant {
  readonly model: string;
  readonly priceVersion: number;
  readonly boundMicroUsd: number;
  readonly permit: Permit;
  readonly reservation: Reservation;
  /** Set when the call finds out whether a model that was left alone is well again. */
  readonly probe: number | null;
}

/** Why a call cannot be made now; `never`: waiting will not help. */
export type Refusal = {
  readonly blocker: ModelBlocker | 'budget' | 'breaker';
  readonly scope: string;
  readonly never: boolean;
};

/** How a call ended. */
export interface CallEnd {
  readonly usage: Usage | null;
  /** false: it is proven that the provider saw nothing. */
  readonly sent: boolean;
  /** What it says about the provider. @default null, nothing */
  readonly isWell?: boolean | null;
}

/** What a call turned out to cost. */
export interface Settlement {
  readonly state: 'settled' | 'estimated' | 'released';
  readonly costMicroUsd: number;
}

interface Target {
  readonly model: string;
  readonly maxOutputTokens: number;
  readonly price: Price;
}

/**
 * Permission to call a model: requests, tokens and calls at once, and money, all or none. It lives in the engine; threads ask
 * by message. What it grants is settled exactly once.
 */
export class Broker {
  readonly budget = new Budget();
  readonly #permits: Permits;
  readonly #targets: ReadonlyMap<ModelProfile, Target>;
  readonly #clock: Clock;
  readonly #breakers: Breakers;

  /** @throws MODEL_UNKNOWN for a model without a price */
  constructor(options: {
    readonly profiles: Profiles | null;
    readonly limits: Readonly<Record<string, ModelLimit>>;
    readonly prices: PriceOverrides;
    readonly clock: Clock;
    /** @default closed ones of its own, with the usual limits */
    readonly breakers?: Breakers;
  }) {
    const { clock } = options;
    this.#breakers = options.breakers ?? new Breakers({ clock, limits: () => ({}) });
    this.#permits = new Permits(options.limits);
    this.#clock = options.clock;
    const targets = Object.entries(options.profiles ?? {}) as readonly [
      ModelProfile,
      Profiles[ModelProfile],
    ][];
    this.#targets = new Map(
      targets.map(([profile, target]) => [
        profile,
        {
          model: target.model,
          maxOutputTokens: target.maxOutputTokens ?? 4_096,
          price: priceOf(target.model, options.prices),
        },
      ]),
    );
  }

  /** Whether agents call models at all. */
  get hasModels(): boolean {
    return this.#targets.size > 0;
  }

  modelOf(profile: ModelProfile): string {
    return this.#target(profile).model;
  }

  /** What stands in the way of a call, or null. */
  refusal(wish: CallWish): Refusal | null {
    const target = this.#target(wish.profile);
    const money = this.budget.blocker(
      wish.scopes,
      upperBoundMicroUsd(wish.bytes, target.maxOutputTokens, target.price),
    );
    if (money) return { blocker: 'budget', ...money };
    if (this.#breakers.refusal(breakerOf(target.model)))
      return { blocker: 'breaker', scope: target.model, never: false };
    const blocker = this.#permits.blocker(
      target.model,
      tokenBound(wish, target),
      this.#clock.monotonic(),
    );
    return blocker && { blocker, scope: target.model, never: false };
  }

  /** Grants a call; ask `refusal` first. */
  grant(wish: CallWish): Grant {
    const target = this.#target(wish.profile);
    const boundMicroUsd = upperBoundMicroUsd(wish.bytes, target.maxOutputTokens, target.price);
    return {
      model: target.model,
      priceVersion: PRICES_VERSION,
      boundMicroUsd,
      permit: this.#permits.take(target.model, tokenBound(wish, target), this.#clock.monotonic()),
      reservation: this.budget.reserve(wish.scopes, boundMicroUsd),
      probe: this.#breakers.begin(breakerOf(target.model)),
    };
  }

  /**
   * Ends a granted call. Without a usage it counts as its full bound, because the provider may have billed it, unless it is
   * proven that nothing was sent.
   */
  settle(grant: Grant, profile: ModelProfile, end: CallEnd): Settlement {
    this.#breakers.report(breakerOf(grant.model), end.isWell ?? null, grant.probe);
    const now = this.#clock.monotonic();
    if (!end.sent) {
      this.#permits.release(grant.permit, now);
      this.budget.settle(grant.reservation, 0);
      return { state: 'released', costMicroUsd: 0 };
    }
    const cost = end.usage
      ? costMicroUsd(end.usage, this.#target(profile).price)
      : grant.boundMicroUsd;
    this.#permits.settle(
      grant.permit,
      end.usage ? end.usage.input + end.usage.output : grant.permit.tokens,
      now,
    );
    this.budget.settle(grant.reservation, cost);
    return { state: end.usage ? 'settled' : 'estimated', costMicroUsd: cost };
  }

  /** Milliseconds until a refused call is worth another look; null when another call's end will tell. */
  waitMs(wish: CallWish): number | null {
    const target = this.#target(wish.profile);
    const refused = this.#breakers.refusal(breakerOf(target.model));
    if (refused) return refused.untilMs;
    return this.#permits.waitMs(target.model, tokenBound(wish, target), this.#clock.monotonic());
  }

  #target(profile: ModelProfile): Target {
    return this.#targets.get(profile) as Target;
  }
}

/** The name of a model's breaker. */
function breakerOf(model: string): string {
  return `model:${model}`;
}

// A token is at least one byte of UTF-8, so bytes bound tokens from above for every tokenizer.
function tokenBound(wish: CallWish, target: Target): number {
  return wish.bytes + requestOverheadTokens + target.maxOutputTokens;
}
