import type { Clock } from '../../base/clock.ts';
import { agedPriority } from '../schedule/ready.ts';
import type { Demand } from './gate-line.ts';
import type { Permit, Permits } from './permits.ts';

/** A call of a tool or of an ERP that asks for its gates. */
export interface QuotaRequest {
  /** Its gates; it passes all of them, or waits. */
  readonly names: readonly string[];
  /** 1 to 10; waiting raises it. Looked up whenever something may be granted: it may change meanwhile. */
  readonly priority: number;
  /** Told once that it may go, at once or later, never after its cancellation. The permit is given back with `release`. */
  readonly grant: (permit: Permit) => void;
}

interface Waiter {
  readonly request: QuotaRequest;
  /** On the monotonic clock, ms. */
  readonly readyAt: number;
  readonly order: number;
  isCancelled: boolean;
}

const noTokens: Demand = { inputTokens: 0, outputTokens: 0 };

/**
 * Calls of tools and of ERPs that wait for their gates, by priority and age. The order of two waiters changes only with the priority of
 * one. Whoever waits for a gate keeps those behind from it; what needs other gates passes.
 */
export class Quotas {
  readonly #permits: Permits;
  readonly #clock: Pick<Clock, 'monotonic'>;
  #waiting: Waiter[] = [];
  #order = 0;

  constructor(permits: Permits, clock: Pick<Clock, 'monotonic'>) {
    this.#permits = permits;
    this.#clock = clock;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#waiting.length;
  }

  /** Asks for a call's gates; the returned function takes the question back. */
  request(request: QuotaRequest): () => void {
    const readyAt = this.#clock.monotonic();
    this.#order += 1;
    const waiter: Waiter = { request, readyAt, order: this.#order, isCancelled: false };
    this.#waiting.push(waiter);
    this.grantWaiting();
    return () => {
      waiter.isCancelled = true;
      this.#waiting = this.#waiting.filter((each) => each !== waiter);
    };
  }

  /** Ends a call, whatever came of it. */
  release(permit: Permit): void {
    this.#permits.settle(permit, noTokens, this.#clock.monotonic());
    this.grantWaiting();
  }

  /** Grants what has become possible. */
  grantWaiting(): void {
    const now = this.#clock.monotonic();
    const taken = new Set<string>();
    const granted: (readonly [Waiter, Permit])[] = [];
    this.#waiting = inOrder(this.#waiting).filter((waiter) => {
      const { names } = waiter.request;
      if (names.some((name) => taken.has(name))) return true;
      const blocked = this.#permits.blocker(names, noTokens, now);
      if (blocked === null) {
        granted.push([waiter, this.#permits.take(names, noTokens, now)]);
        return false;
      }
      taken.add(blocked.gate);
      return true;
    });
    // Last, because whoever is told may ask again.
    for (const [waiter, permit] of granted) {
      if (waiter.isCancelled) this.#permits.release(permit, now);
      else waiter.request.grant(permit);
    }
  }

  /** Milliseconds until a waiter is worth another look; null when none waits, or the end of a call will tell. */
  waitMs(): number | null {
    const now = this.#clock.monotonic();
    const sets = new Map(this.#waiting.map(({ request: { names } }) => [names.join('\n'), names]));
    const waits = [...sets.values()].flatMap(
      (names) => this.#permits.waitMs(names, noTokens, now) ?? [],
    );
    return waits.length > 0 ? Math.min(...waits) : null;
  }
}

/** Priorities are looked up now, and once for each. */
function inOrder(waiting: readonly Waiter[]): readonly Waiter[] {
  const ranked = waiting.map((waiter) => {
    const { request, readyAt } = waiter;
    return { waiter, rank: agedPriority({ priority: request.priority, readyAt }) };
  });
  ranked.sort((a, b) => b.rank - a.rank || a.waiter.order - b.waiter.order);
  return ranked.map(({ waiter }) => waiter);
}
