import type { RateLimit } from '../../ports/config.ts';
import type { Quota, QuotaLine } from '../../ports/models/model.ts';
import {
  type Demand,
  type GateBlocker,
  GateLine,
  type LineKind,
  lineKinds,
  quotaNames,
  unsharedOf,
  withoutHeadroom,
} from './gate-line.ts';
import type { Pace } from './pace.ts';
import type { Credit, Tier } from './tier.ts';

/** What a gate counts by itself, and what several engines therefore share. */
export type GateKind = LineKind | 'concurrency';

/** A passed gate, to be settled or released once. */
export interface Passed {
  readonly demand: Demand;
  /** The windows that counted it, as bits, and the quanta that they count it in once it has left. */
  readonly windows: number;
  /** Whether it may still leave at any moment. */
  isHeld: boolean;
  minute: number;
  second: number;
  readonly credits: readonly (readonly [Tier, Credit])[];
}

/** How much of each limit a gate has in use; what has no limit is left out. */
export interface GateStats {
  readonly limits: Readonly<
    Partial<Record<keyof RateLimit, { readonly used: number; readonly limit: number }>>
  >;
  /** Calls under way. */
  readonly open: number;
  /** Until the provider is asked again. */
  readonly closedMs: number;
  /** What its limits a minute are multiplied by after refusals, at most 1. */
  readonly factor: number;
}

/** One limit of a gate, as the engines that share it see it. */
export interface SharedLine {
  readonly kind: GateKind;
  /** The limit that all engines have together. */
  readonly whole: number;
  /** What this engine may use of it. */
  readonly held: number;
  readonly used: number;
  /** Whether a call had to wait for it since it was last asked. */
  readonly isWanted: boolean;
  /** The largest call since it was last asked: less than that helps nobody. */
  readonly unit: number;
  /** How long what was used goes on counting; null: until the call ends. */
  readonly spanMs: number | null;
}

/** What a gate is made of beside its limits. */
export interface GateParts {
  /** A model's gate follows its provider. @default it follows nobody */
  readonly pace?: Pace | null;
  readonly hour?: Tier | null;
  readonly day?: Tier | null;
}

/**
 * The limits of one side: a model's account, a tenant, a module, a tool or an ERP. Everything is synchronous, on a monotonic
 * clock of milliseconds that the caller passes in; a call that passes counts with its upper bounds until it is settled.
 */
export class Gate {
  readonly #pace: Pace | null;
  readonly #hour: Tier | null;
  readonly #day: Tier | null;
  readonly #lines: GateLine[] = [];
  #requests: GateLine | null = null;
  /** Calls at once: the limit, this engine's share of it, and whether a call had to wait for it. */
  #concurrency: number | null = null;
  #heldAtOnce: number | null = null;
  #isAtOnceWanted = false;
  #open = 0;
  /** What this engine may use of limits that nobody has shared out yet. */
  #part = 1;
  /** What some calls leave to others. */
  #headroom = 0;

  constructor(limits: RateLimit, { pace = null, hour = null, day = null }: GateParts = {}) {
    this.#pace = pace;
    this.#hour = hour;
    this.#day = day;
    this.setLimits(limits);
  }

  /** Whether nothing can ever stand in a call's way here. */
  get isFree(): boolean {
    const isUncounted = this.#lines.length === 0 && this.#concurrency === null;
    return isUncounted && this.#pace === null && this.#hour === null && this.#day === null;
  }

  /** Other limits a minute, a second and at once from now on; what was counted stays counted. */
  setLimits(limits: RateLimit): void {
    this.#concurrency = limits.concurrency ?? null;
    this.#headroom = limits.headroom ?? 0;
    for (const kind of lineKinds) {
      const limit = limits[kind];
      const known = this.#lines.find((line) => line.kind === kind);
      if (known) known.configured = limit ?? null;
      else if (limit !== undefined) this.#addLine(kind).configured = limit;
    }
    this.#dropLines(Number.NEGATIVE_INFINITY);
  }

  /** The first thing in a call's way, or null. */
  blocker(demand: Demand, now: number): GateBlocker | null {
    if (this.#pace !== null && this.#pace.closedMs(now) > 0) return 'closed';
    const tuning = this.#tuning(demand, now);
    if (this.#open >= withoutHeadroom(this.#atOnce(now), tuning.headroom)) {
      this.#isAtOnceWanted = true;
      return tuning.headroom > 0 ? 'headroom' : 'model_concurrency';
    }
    for (const line of this.#lines) {
      const amount = line.amountOf(demand);
      if (line.tuned(now, tuning).allows(amount, now)) continue;
      line.isWanted = true;
      line.unit = Math.max(line.unit, amount);
      return tuning.headroom > 0 ? 'headroom' : line.blocker;
    }
    if (this.#hour !== null && !this.#hour.allows(1, now)) return 'hour';
    return this.#day !== null && !this.#day.allows(1, now) ? 'day' : null;
  }

  /** Everything in a call's way, each once. */
  blockers(demand: Demand, now: number): readonly GateBlocker[] {
    const found = new Set<GateBlocker>();
    const tuning = this.#tuning(demand, now);
    const isLeft = tuning.headroom > 0;
    if (this.#pace !== null && this.#pace.closedMs(now) > 0) found.add('closed');
    if (this.#open >= withoutHeadroom(this.#atOnce(now), tuning.headroom))
      found.add(isLeft ? 'headroom' : 'model_concurrency');
    for (const line of this.#lines)
      if (!line.tuned(now, tuning).allows(line.amountOf(demand), now))
        found.add(isLeft ? 'headroom' : line.blocker);
    if (this.#hour?.allows(1, now) === false) found.add('hour');
    if (this.#day?.allows(1, now) === false) found.add('day');
    return [...found];
  }

  /** Lets a call pass that leaves at once; ask `blocker` first. */
  take(demand: Demand, now: number): Passed {
    const passed = this.admit(demand, now);
    this.sent(passed, now);
    return passed;
  }

  /** Lets a call pass that leaves later; ask `blocker` first. Until it has left it counts in every window, however long that takes. */
  admit(demand: Demand, now: number): Passed {
    this.#open += 1;
    let windows = 0;
    for (const line of this.#lines) {
      const amount = line.amountOf(demand);
      line.window.hold(amount);
      windows |= line.bit;
      line.unit = Math.max(line.unit, amount);
    }
    const perMinute = this.#requests?.window.limit ?? null;
    this.#pace?.taken(now, perMinute);
    return { demand, windows, isHeld: true, minute: 0, second: 0, credits: this.#spend(now) };
  }

  /** A call that was let pass leaves now: from now on it counts, for a whole window. */
  sent(passed: Passed, now: number): void {
    this.#count(passed, passed.demand, now);
    passed.isHeld = false;
  }

  /** Ends a call that used so much. Where nobody has said when it left, that may have been now. */
  settle(passed: Passed, used: Demand, now: number): void {
    this.#open -= 1;
    if (passed.isHeld) this.#count(passed, used, now);
    else this.#correct(passed, now, (line) => line.amountOf(used) - line.amountOf(passed.demand));
  }

  /** Gives back all that a call took that was never made. */
  release(passed: Passed, now: number): void {
    this.#open -= 1;
    if (passed.isHeld)
      for (const line of this.#counting(passed)) line.window.free(line.amountOf(passed.demand));
    else this.#correct(passed, now, (line) => -line.amountOf(passed.demand));
    for (const [tier, credit] of passed.credits) tier.giveBack(credit, now);
  }

  /** Milliseconds until a call may pass, as far as that is known; null when the end of something else will tell. */
  waitMs(demand: Demand, now: number): number | null {
    const tuning = this.#tuning(demand, now);
    if (this.#open >= withoutHeadroom(this.#atOnce(now), tuning.headroom)) return null;
    let longest = this.#pace?.closedMs(now) ?? 0;
    const waits = this.#lines.map((line) =>
      line.tuned(now, tuning).waitMs(line.amountOf(demand), now),
    );
    for (const tier of [this.#hour, this.#day]) if (tier) waits.push(tier.waitMs(1, now));
    for (const waitMs of waits) {
      if (waitMs === null) return null;
      longest = Math.max(longest, waitMs);
    }
    return longest;
  }

  /** Counts a call that was granted at an earlier moment by an engine that is gone. */
  recall(demand: Demand, atMs: number, now: number): void {
    for (const line of this.#lines) line.window.recall(line.amountOf(demand), atMs, now);
  }

  /** The provider refused a call, 429 or 529, that has ended here. `sentAt`: when it passed the gate. */
  refused(refusal: {
    readonly now: number;
    readonly sentAt: number;
    readonly retryAfterMs?: number | undefined;
  }): void {
    this.#pace?.refused({ ...refusal, open: this.#open + 1 });
  }

  /** The provider answered a call that passed at `sentAt`. */
  answered(sentAt: number, now: number): void {
    this.#pace?.answered(sentAt, now);
  }

  /**
   * What a provider's headers say: nothing is left until a moment, or a limit that is narrower than ours. `at`: the earliest
   * moment that they can be from, from which the time until all is there again counts.
   */
  heard(quota: Quota, { at, now }: { readonly at: number; readonly now: number }): void {
    if (this.#pace === null) return;
    for (const line of Object.values(quota) as readonly (QuotaLine | undefined)[])
      if (line?.remaining === 0 && line.resetMs !== undefined && line.resetMs > 0)
        this.#pace.close(at + line.resetMs, now);
    for (const [kind, name] of quotaNames) {
      const limit = quota[name]?.limit;
      if (limit === undefined || !(limit > 0) || !Number.isFinite(limit)) continue;
      const line = this.#lines.find((each) => each.kind === kind) ?? this.#addLine(kind);
      line.say(limit, now);
    }
    this.#dropLines(now);
  }

  /** The limits that several engines share; asking forgets what was wanted. */
  shared(now: number): readonly SharedLine[] {
    const finite = this.#lines.filter((line) => line.whole(now) < Number.POSITIVE_INFINITY);
    const lines = finite.map((line): SharedLine => {
      const { kind, isWanted, unit, spanMs } = line;
      const whole = line.whole(now);
      const held = line.held ?? unsharedOf(whole, this.#part);
      line.isWanted = false;
      line.unit = 1;
      return { kind, whole, held, used: line.window.used(now), isWanted, unit, spanMs };
    });
    if (this.#concurrency === null) return lines;
    const whole = this.#concurrency;
    const held = this.#heldAtOnce ?? unsharedOf(whole, this.#part);
    const isWanted = this.#isAtOnceWanted;
    this.#isAtOnceWanted = false;
    return [
      ...lines,
      { kind: 'concurrency', whole, held, used: this.#open, isWanted, unit: 1, spanMs: null },
    ];
  }

  /** What this engine may use of one limit from now on. */
  hold(kind: GateKind, amount: number): void {
    if (kind === 'concurrency') this.#heldAtOnce = amount;
    for (const line of this.#lines) if (line.kind === kind) line.held = amount;
  }

  /** What part this engine may use of limits that it holds no share of; 1: it is alone, and its shares are forgotten. */
  holdPart(part: number): void {
    this.#part = part;
    if (part < 1) return;
    this.#heldAtOnce = null;
    for (const line of this.#lines) line.held = null;
  }

  /** A deep copy that goes its own way; its hours and days are as far as they are known now. */
  fork(): Gate {
    const pace = this.#pace?.fork() ?? null;
    const hour = this.#hour?.fork() ?? null;
    const copy = new Gate({}, { pace, hour, day: this.#day?.fork() ?? null });
    for (const line of this.#lines) copy.#lines.push(line.fork());
    copy.#requests = copy.#find('requestsPerMinute');
    copy.#concurrency = this.#concurrency;
    copy.#heldAtOnce = this.#heldAtOnce;
    copy.#open = this.#open;
    copy.#part = this.#part;
    copy.#headroom = this.#headroom;
    return copy;
  }

  stats(now: number): GateStats {
    const limits: { -readonly [K in keyof GateStats['limits']]: GateStats['limits'][K] } = {};
    const factor = this.#factor(now);
    for (const line of this.#lines) {
      const { limit } = line.tuned(now, { factor, part: this.#part });
      limits[line.kind] = { used: line.window.used(now), limit };
    }
    const limit = this.#atOnce(now);
    if (limit < Number.POSITIVE_INFINITY) limits.concurrency = { used: this.#open, limit };
    if (this.#hour) limits.requestsPerHour = this.#hour.stats(now);
    if (this.#day) limits.requestsPerDay = this.#day.stats(now);
    return { limits, open: this.#open, closedMs: this.#pace?.closedMs(now) ?? 0, factor };
  }

  #tuning({ leavesHeadroom = false }: Demand, now: number) {
    const headroom = leavesHeadroom ? this.#headroom : 0;
    return { factor: this.#factor(now), part: this.#part, headroom };
  }

  #factor(now: number): number {
    return this.#pace === null ? 1 : this.#pace.factor(now);
  }

  #atOnce(now: number): number {
    const whole = this.#concurrency ?? Number.POSITIVE_INFINITY;
    const share = Math.min(this.#heldAtOnce ?? unsharedOf(whole, this.#part), whole);
    if (this.#pace === null || this.#requests !== null) return share;
    return Math.min(share, this.#pace.atOnce(now));
  }

  #spend(now: number): Passed['credits'] {
    if (this.#hour === null && this.#day === null) return [];
    const tiers = [this.#hour, this.#day].filter((tier) => tier !== null);
    return tiers.map((tier) => [tier, tier.take(1, now)] as const);
  }

  #counting({ windows }: Passed): readonly GateLine[] {
    return this.#lines.filter(({ bit }) => (windows & bit) !== 0);
  }

  /** What was held counts from now on, as so much. */
  #count(passed: Passed, amounts: Demand, now: number): void {
    for (const line of this.#counting(passed)) {
      line.window.free(line.amountOf(passed.demand));
      const quantum = line.window.take(line.amountOf(amounts), now);
      if (line.isMinute) passed.minute = quantum;
      else passed.second = quantum;
    }
  }

  #correct(passed: Passed, now: number, change: (line: GateLine) => number): void {
    for (const line of this.#counting(passed)) {
      const amount = change(line);
      if (amount === 0) continue;
      line.window.correct(line.isMinute ? passed.minute : passed.second, amount, now);
    }
  }

  #find(kind: LineKind): GateLine | null {
    return this.#lines.find((line) => line.kind === kind) ?? null;
  }

  #addLine(kind: LineKind): GateLine {
    const line = new GateLine(kind);
    this.#lines.push(line);
    this.#lines.sort((a, b) => a.bit - b.bit);
    if (kind === 'requestsPerMinute') this.#requests = line;
    return line;
  }

  /** Forgets windows that nobody limits any more. */
  #dropLines(now: number): void {
    for (let at = this.#lines.length - 1; at >= 0; at -= 1)
      if (this.#lines[at]?.whole(now) === Number.POSITIVE_INFINITY) this.#lines.splice(at, 1);
    this.#requests = this.#find('requestsPerMinute');
  }
}
