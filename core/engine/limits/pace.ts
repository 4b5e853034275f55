/** A refusal by a provider, 429 or 529, on the clock of the gate. */
export interface PacedRefusal {
  /** When it was heard. */
  readonly now: number;
  /** When the call was granted: what was sent before the last cut says nothing new. */
  readonly sentAt: number;
  /** What the provider asks for. @default it did not say */
  readonly retryAfterMs?: number | undefined;
  /** Calls that were out, the refused one included. */
  readonly open: number;
}

/** The longest closure that a provider's word leads to. */
const longestClosureMs = 600_000;
/** A longer wait than a day is a mistake of whoever says it. */
const absurdMs = 86_400_000;
const firstHoldOffMs = 1_000;
const longestHoldOffMs = 30_000;
/** From a cut back to full limits, without a refusal in between. */
const growthMs = 30_000;
const leastFactor = 1 / 32;
/** How long calls are spread evenly after a refusal is over: until a window of a minute is full of evenly spread ones. */
const evenMs = 61_000;
/** Between calls, at least, as long as none has been answered since the last refusal. */
const feelingMs = 100;
/** Without a refusal for so long a side without limits of its own is free again. */
const forgottenMs = 600_000;

/**
 * How a gate follows a provider that refuses calls:
 *
 *     open ──refused──▶ closed (Retry-After, else a hold-off that doubles; both with jitter) ──time──▶ even ──time──▶ open
 *
 * Each episode of refusals halves the limits a minute, which grow back linearly in 30 s; meanwhile, and until a minute is full
 * again, calls are spread evenly instead of all at once. Where nobody has set a limit of requests a minute, the calls at
 * once are bounded instead: one after a refusal, then doubling with each round of answers up to half of what was refused, and
 * from there on slowly, as TCP does.
 * @see https://www.rfc-editor.org/rfc/rfc5681#section-3.1 (slow start, congestion avoidance)
 * @see https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/ (full jitter)
 */
export class Pace {
  readonly #random: () => number;
  #closedUntil = Number.NEGATIVE_INFINITY;
  /** The factor at the last refusal, from which it grows. */
  #factor = 1;
  #refusedAt = Number.NEGATIVE_INFINITY;
  #cutAt = Number.NEGATIVE_INFINITY;
  #episodes = 0;
  #evenUntil = Number.NEGATIVE_INFINITY;
  /** While calls are spread: before it the next may not go. */
  #nextAt = Number.NEGATIVE_INFINITY;
  /** Calls at once where nothing else limits them, and how many were refused last. */
  #atOnce = Number.POSITIVE_INFINITY;
  #peak = 0;

  /** `random`: 0 to 1, for the jitter. */
  constructor(random: () => number = Math.random) {
    this.#random = random;
  }

  /** What the limits a minute are multiplied by, 1/32 to 1. */
  factor(now: number): number {
    if (this.#factor === 1) return 1;
    const grown = this.#factor + (1 - this.#factor) * ((now - this.#refusedAt) / growthMs);
    return Math.min(1, grown);
  }

  /** Calls at once that it allows where no limit of requests a minute is known. */
  atOnce(now: number): number {
    if (now - this.#refusedAt > forgottenMs) this.#atOnce = Number.POSITIVE_INFINITY;
    return Math.max(1, Math.floor(this.#atOnce));
  }

  /** Milliseconds until it opens; 0 when it is open. */
  closedMs(now: number): number {
    // With the end of spreading the next may go, too: nothing else tells of that moment.
    const nextAt = Math.min(this.#nextAt, this.#evenUntil);
    return Math.max(0, this.#closedUntil - now, nextAt - now);
  }

  /** A call is granted; `perMinute`: how many the limits now allow, null when there is no such limit. */
  taken(now: number, perMinute: number | null): void {
    if (perMinute === null || now >= this.#evenUntil) return;
    const apart = 60_000 / Math.max(perMinute, 1);
    // What went a little late does not make all after it late: else every look of the queue would cost a part of the rate.
    if (this.#episodes === 0) this.#nextAt = Math.max(this.#nextAt, now - apart) + apart;
    else this.#nextAt = Math.max(this.#nextAt, now) + Math.max(apart, feelingMs);
  }

  /** The provider says that nothing is left until a moment. */
  close(until: number, now: number): void {
    this.#closedUntil = Math.max(this.#closedUntil, Math.min(until, now + longestClosureMs));
  }

  refused(refusal: PacedRefusal): void {
    const { now, sentAt } = refusal;
    const isNew = sentAt > this.#cutAt;
    const factor = this.factor(now);
    if (isNew) this.#cut(refusal, factor);
    else this.#factor = factor;
    this.#refusedAt = now;
    const asked = readable(refusal.retryAfterMs);
    if (asked !== null)
      this.close(now + asked + this.#random() * firstHoldOffMs, now + firstHoldOffMs);
    else if (isNew) this.close(now + this.#random() * this.#holdOffMs(), now);
    // The refused calls may have used up the minute, and hold it empty when they leave it: even ones have to fill it again.
    const overAt = Math.max(this.#closedUntil, now + growthMs, sentAt + evenMs);
    this.#evenUntil = Math.max(this.#evenUntil, overAt + evenMs);
  }

  /** A call that was sent at `sentAt` was answered. */
  answered(sentAt: number, now: number): void {
    if (sentAt <= this.#cutAt) return;
    this.#episodes = 0;
    if (this.#atOnce === Number.POSITIVE_INFINITY) return;
    this.#atOnce += this.#atOnce < this.#threshold(now) ? 1 : 1 / this.#atOnce;
  }

  fork(): Pace {
    const copy = new Pace(() => 0.5);
    copy.#closedUntil = this.#closedUntil;
    copy.#factor = this.#factor;
    copy.#refusedAt = this.#refusedAt;
    copy.#cutAt = this.#cutAt;
    copy.#episodes = this.#episodes;
    copy.#evenUntil = this.#evenUntil;
    copy.#nextAt = this.#nextAt;
    copy.#atOnce = this.#atOnce;
    copy.#peak = this.#peak;
    return copy;
  }

  #cut({ now, open }: PacedRefusal, factor: number): void {
    // A refusal far below what was refused before says nothing of how much at once is too much.
    if (open >= this.#threshold(now) / 2) this.#peak = open;
    this.#factor = Math.max(leastFactor, factor / 2);
    this.#cutAt = now;
    this.#episodes += 1;
    this.#atOnce = 1;
  }

  #threshold(now: number): number {
    return this.#peak * this.factor(now);
  }

  #holdOffMs(): number {
    return Math.min(longestHoldOffMs, firstHoldOffMs * 2 ** (this.#episodes - 1));
  }
}

/** A waiting time that somebody can have meant, or null. */
function readable(retryAfterMs: number | undefined): number | null {
  if (retryAfterMs === undefined || !(retryAfterMs >= 0) || retryAfterMs > absurdMs) return null;
  return Math.min(retryAfterMs, longestClosureMs);
}
