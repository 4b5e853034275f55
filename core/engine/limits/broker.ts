import type { Clock } from '../../base/clock.ts';
import type { ErrorCode } from '../../base/errors.ts';
import type { Quota, Usage } from '../../ports/models/model.ts';
import { costMicroUsd, PRICES_VERSION, type PriceOverrides } from '../../ports/models/prices.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { ModelProfile } from '../../sdk/agent.ts';
import { Breakers, healthOf } from './breaker.ts';
import { Budget, type Reservation } from './budget.ts';
import { type Chain, type Choice, chainsOf, chooseTarget, demandOf, type Target } from './chain.ts';
import type { GateStats } from './gate.ts';
import { gateNames, type LimitConfig, limitsOf } from './gate-limits.ts';
import type { Demand, GateBlocker } from './gate-line.ts';
import { type Permit, Permits } from './permits.ts';
import { RetryBudget } from './retry-budget.ts';
import { type CallTotals, Tally } from './tally.ts';

/** A model call that somebody wants to make. `bytes` is the request's size in UTF-8, or an upper bound of it. */
export interface CallWish {
  readonly profile: ModelProfile;
  readonly bytes: number;
  /** Purses that pay, widest first. */
  readonly scopes: readonly string[];
  /** The UTC day of the shared ones. */
  readonly period: string;
  readonly tenantId: number;
  readonly module: string;
  /** A rehearsal's: its gates are apart from the real ones. @default false */
  readonly simulated?: boolean;
  /** Of a run that nobody waits for: it leaves head-room to others. @default false */
  readonly unattended?: boolean;
  /** When it was first wished, on the monotonic clock, for the time that calls wait. @default when it is granted */
  readonly askedAt?: number;
}

/** Permission for one model call, with everything that it holds. */
export interface Grant {
  readonly profile: ModelProfile;
  /** Its place in the profile's chain. */
  readonly target: number;
  readonly model: string;
  readonly priceVersion: number;
  readonly boundMicroUsd: number;
  /** What it may use at most; kept with the call, so that another engine can count it after a crash. */
  readonly bound: Demand;
  readonly permit: Permit;
  readonly reservation: Reservation;
  /** Set when the call finds out whether a model that was left alone is well again. */
  readonly probe: number | null;
  readonly simulated: boolean;
}

/** Why a call cannot be made now. */
export interface Refusal {
  readonly blocker: GateBlocker | 'budget' | 'breaker';
  /** Name of the purse or gate; of the first target's where all are left alone. */
  readonly scope: string;
  /** Waiting will not help. */
  readonly never: boolean;
  /** Milliseconds until it is worth another look; null when the end of something else will tell. */
  readonly untilMs: number | null;
}

/** How a call ended. */
export interface CallEnd {
  readonly usage: Usage | null;
  /** false: it is proven that the provider saw nothing. */
  readonly sent: boolean;
  /** `isBegun`: the reply had begun when it failed, so it may be billed. @default false */
  readonly error?: {
    readonly code: ErrorCode;
    readonly retryAfterMs?: number;
    readonly isBegun?: boolean;
  };
  /** What the provider's headers said. */
  readonly quota?: Quota;
}

/** What a call turned out to cost. */
export interface Settlement {
  readonly state: 'settled' | 'estimated' | 'released';
  readonly costMicroUsd: number;
}

/** What is in use of every limit, and what calls have come to since the engine began. */
export interface BrokerStats {
  readonly gates: Readonly<Record<string, GateStats>>;
  readonly totals: CallTotals;
}

/** What a broker works with. */
export interface BrokerParts {
  readonly profiles: Profiles | null;
  /** What rehearsals seem to call where there are no `profiles`. @default nothing */
  readonly rehearsed?: Profiles | null;
  readonly limits: LimitConfig;
  readonly prices: PriceOverrides;
  readonly clock: Clock;
  /** @default closed ones of its own, with the usual limits */
  readonly breakers?: Breakers;
  /** @default gates of its own, with `limits` and nothing an hour or a day */
  readonly permits?: Permits;
  /** Nobody makes these calls: each leaves at the moment at which it is granted. @default false */
  readonly foresees?: boolean;
}

const nothing: Demand = { inputTokens: 0, outputTokens: 0 };

/**
 * Permission to call a model: the gates of model, tenant and module, and money, all or none. It lives in the engine; threads ask
 * by message. What it grants is settled exactly once.
 */
export class Broker {
  readonly budget: Budget;
  readonly permits: Permits;
  readonly #parts: BrokerParts;
  readonly #chains: ReadonlyMap<ModelProfile, Chain>;
  readonly #clock: Clock;
  readonly #breakers: Breakers;
  readonly #retries = new Map<string, RetryBudget>();
  readonly #tally = new Tally();
  /** The call that was found free to go, as it would be made, until something is taken or given back: mostly it is granted next. */
  #free: Path | null = null;

  /** @throws MODEL_UNKNOWN for a model without a price */
  constructor(parts: BrokerParts, budget = new Budget()) {
    const { clock } = parts;
    this.#parts = parts;
    this.budget = budget;
    this.permits = parts.permits ?? new Permits({ limitsOf: limitsOf(parts.limits) });
    this.#clock = clock;
    this.#breakers = parts.breakers ?? new Breakers({ clock, limits: () => ({}) });
    this.#chains = chainsOf(parts.profiles ?? parts.rehearsed ?? null, parts.prices);
  }

  /** Whether agents call models at all. */
  get hasModels(): boolean {
    return this.#parts.profiles !== null;
  }

  /** The first model of a profile's chain. */
  modelOf(profile: ModelProfile): string {
    return (this.#chain(profile).targets[0] as Target).model;
  }

  /** What stands in the way of a call, or null. */
  refusal(wish: CallWish): Refusal | null {
    const path = this.#pathOf(wish);
    const { target, boundMicroUsd, isWell, names, demand } = path;
    // Asked again, too: a step's own purse is opened when it starts.
    const money = this.budget.blocker(wish.scopes, boundMicroUsd);
    if (money) return { blocker: 'budget', ...money, untilMs: null };
    if (path === this.#free) return null;
    if (!isWell)
      return { blocker: 'breaker', scope: target.gate, never: false, untilMs: this.#probeMs(wish) };
    const now = this.#clock.monotonic();
    const blocked = this.permits.blocker(names, demand, now);
    if (!blocked) {
      this.#free = path;
      return null;
    }
    const { blocker, gate: scope } = blocked;
    return { blocker, scope, never: false, untilMs: this.permits.waitMs(names, demand, now) };
  }

  /** Everything in the way of a call, in the order in which it is looked at. */
  refusals(wish: CallWish): readonly Refusal[] {
    const { target, boundMicroUsd, isWell, names, demand } = this.#pathOf(wish);
    const money = this.budget.blocker(wish.scopes, boundMicroUsd);
    const now = this.#clock.monotonic();
    const never = false;
    return [
      ...(money ? [{ blocker: 'budget' as const, ...money, untilMs: null }] : []),
      ...(isWell
        ? []
        : [
            {
              blocker: 'breaker' as const,
              scope: target.gate,
              never,
              untilMs: this.#probeMs(wish),
            },
          ]),
      ...this.permits.blockers(names, demand, now).map(({ blocker, gate }) => {
        const untilMs = this.permits.waitMs([gate], demand, now);
        return { blocker, scope: gate, never, untilMs };
      }),
    ];
  }

  /** Grants a call; ask `refusal` first. It counts in every minute until `sent` or `settle` tells that it has left. */
  grant(wish: CallWish): Grant {
    const { target, boundMicroUsd, names, demand } = this.#pathOf(wish);
    const { inputTokens, outputTokens } = demand;
    this.#free = null;
    const now = this.#clock.monotonic();
    const { profile, simulated = false } = wish;
    this.#tally.granted(now - (wish.askedAt ?? now));
    if (!simulated) this.#retriesOf(target.model).called(now);
    return {
      profile,
      target: target.index,
      model: target.model,
      priceVersion: PRICES_VERSION,
      boundMicroUsd,
      bound: { inputTokens, outputTokens },
      permit: this.#parts.foresees
        ? this.permits.take(names, demand, now)
        : this.permits.admit(names, demand, now),
      reservation: this.budget.reserve(wish.scopes, boundMicroUsd),
      probe: simulated ? null : this.#breakers.begin(target.gate),
      simulated,
    };
  }

  /** A granted call leaves now: it was to be durable first, and on its thread, which may have taken a while. Once for each. */
  sent({ permit }: Grant): void {
    this.permits.sent(permit, this.#clock.monotonic());
  }

  /**
   * Ends a granted call. Without a usage it counts as its full bound, because the provider may have billed it, unless nothing
   * was sent, or the provider refused it before it said anything. What the provider said of its limits is heard by the model's gate.
   */
  settle(grant: Grant, end: CallEnd): Settlement {
    const target = this.#target(grant);
    const now = this.#clock.monotonic();
    this.#free = null;
    this.#report(grant, end);
    if (!end.sent) {
      this.#tally.released();
      this.permits.release(grant.permit, now);
      this.budget.settle(grant.reservation, 0);
      return { state: 'released', costMicroUsd: 0 };
    }
    const { usage } = end;
    const isRefused = end.error?.code === 'MODEL_RATE_LIMITED' && end.error.isBegun !== true;
    const unknown = isRefused ? nothing : grant.bound;
    const used = usage ? { inputTokens: usage.input, outputTokens: usage.output } : unknown;
    this.#tally.used(used);
    this.permits.settle(grant.permit, used, now);
    if (!grant.simulated) this.#listen(target, grant, end);
    const unknownCost = isRefused ? 0 : grant.boundMicroUsd;
    const cost = usage ? costMicroUsd(usage, target.price) : unknownCost;
    this.budget.settle(grant.reservation, cost);
    if (usage) return { state: 'settled', costMicroUsd: cost };
    return { state: isRefused ? 'released' : 'estimated', costMicroUsd: cost };
  }

  /** Milliseconds until a refused call is worth another look; null when the end of something else will tell. */
  waitMs(wish: CallWish): number | null {
    const refusal = this.refusal(wish);
    return refusal ? refusal.untilMs : 0;
  }

  /** Whether a failed call of a model may be tried again now; true spends one of its retries. */
  retries(model: string): boolean {
    return this.#retriesOf(model).spend(this.#clock.monotonic());
  }

  /** Calls that were granted by an engine that is gone, so that a new one does not grant the same minute twice. */
  recall(calls: readonly RecalledCall[]): void {
    const now = this.#clock.monotonic();
    for (const { agoMs, model, tenantId, module, used } of calls) {
      const target = this.#targetOf(model);
      const names = [target?.gate ?? gateNames.model(model)];
      names.push(gateNames.tenant(tenantId), gateNames.module(module));
      for (const name of names) this.permits.gate(name).recall(used, now - agoMs, now);
    }
  }

  /** The same gates and purses as they stand at the moment of another clock: to ask, and not to take from. */
  at(clock: Clock): Broker {
    const breakers = this.#breakers.fork(clock);
    return new Broker({ ...this.#parts, clock, breakers, permits: this.permits }, this.budget);
  }

  /** A deep copy of gates, purses and breakers over another clock, for looking ahead. */
  fork(clock: Clock): Broker {
    const breakers = this.#breakers.fork(clock);
    const permits = this.permits.fork();
    const parts = { ...this.#parts, clock, breakers, permits, foresees: true };
    return new Broker(parts, this.budget.fork());
  }

  /** How much of which limit is in use, and what calls have come to since the engine began. */
  stats(now = this.#clock.monotonic()): BrokerStats {
    return { gates: this.permits.stats(now), totals: this.#tally.totals };
  }

  #pathOf(wish: CallWish): Path {
    if (this.#free?.wish === wish) return this.#free;
    const choice = this.#choose(wish);
    const { target } = choice;
    return { ...choice, wish, names: gatesOf(wish, target), demand: demandFor(wish, target) };
  }

  #choose(wish: CallWish): Choice {
    const { simulated = false } = wish;
    return chooseTarget(this.#chain(wish.profile), wish.bytes, {
      isWell: ({ gate }) => simulated || this.#breakers.refusal(gate) === null,
      isFree: (target) => {
        const demand = demandFor(wish, target);
        const now = this.#clock.monotonic();
        return this.permits.blocker(gatesOf(wish, target), demand, now) === null;
      },
    });
  }

  /** Until the first of the targets is probed; null: the end of a probe will tell. */
  #probeMs({ profile }: CallWish): number | null {
    const refusals = this.#chain(profile).targets.map(({ gate }) => this.#breakers.refusal(gate));
    const waits = refusals.flatMap((refusal) => refusal?.untilMs ?? []);
    return waits.length > 0 ? Math.min(...waits) : null;
  }

  #report(grant: Grant, end: CallEnd): void {
    if (grant.simulated) return;
    const isWell = end.error ? healthOf(end.error) : end.usage ? true : null;
    // Who cannot be reached is ill; what was never asked is not well for it.
    const said = end.sent || isWell === false ? isWell : null;
    this.#breakers.report(this.#target(grant).gate, said, grant.probe);
  }

  #listen(target: Target, { permit }: Grant, { usage, error, quota }: CallEnd): void {
    const gate = this.permits.gate(target.gate);
    const now = this.#clock.monotonic();
    const isRefused = error?.code === 'MODEL_RATE_LIMITED';
    if (isRefused) gate.refused({ now, sentAt: permit.at, retryAfterMs: error.retryAfterMs });
    else if (usage) gate.answered(permit.at, now);
    // Headers come with the first byte: at the latest now, when the call failed, and soon after it was sent, when it went on.
    if (quota) gate.heard(quota, { at: isRefused ? now : permit.at, now });
  }

  #retriesOf(model: string): RetryBudget {
    let budget = this.#retries.get(model);
    if (!budget) {
      budget = new RetryBudget();
      this.#retries.set(model, budget);
    }
    return budget;
  }

  #chain(profile: ModelProfile): Chain {
    return this.#chains.get(profile) as Chain;
  }

  #target({ profile, target }: Grant): Target {
    return this.#chain(profile).targets[target] as Target;
  }

  #targetOf(model: string): Target | undefined {
    const targets = [...this.#chains.values()].flatMap((chain) => chain.targets);
    return targets.find((target) => target.model === model);
  }
}

/** Where a call would go, and what it passes on its way. */
interface Path extends Choice {
  readonly wish: CallWish;
  readonly names: readonly string[];
  readonly demand: Demand;
}

/** A call of an engine that is gone: what it used, or may have. */
export interface RecalledCall {
  readonly agoMs: number;
  readonly model: string;
  readonly tenantId: number;
  readonly module: string;
  readonly used: Demand;
}

function demandFor({ bytes, unattended = false }: CallWish, target: Target): Demand {
  const { inputTokens, outputTokens } = demandOf(bytes, target);
  return { inputTokens, outputTokens, leavesHeadroom: unattended };
}

/** The gates of a call, widest reason last: what a model allows is the usual answer. */
function gatesOf({ tenantId, module, simulated = false }: CallWish, { gate }: Target): string[] {
  const names = [gate, gateNames.tenant(tenantId), gateNames.module(module)];
  return simulated ? names.map(gateNames.simulated) : names;
}
