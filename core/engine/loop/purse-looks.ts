import type { Clock } from '../../base/clock.ts';
import type { Journal } from '../journal/journal.ts';
import type { Budget } from '../limits/budget.ts';
import { isShared } from '../limits/purse.ts';
import type { Run } from '../run/run.ts';

/** What looks are made with. */
export interface PurseLookParts {
  readonly budget: Pick<Budget, 'isHeldByOthers'>;
  readonly journal: Pick<Journal, 'write'>;
  readonly clock: Clock;
  /** A purse was looked at: what waits for it may go now. */
  readonly changed: () => void;
}

/** A purse that somebody waits for is looked at as often, milliseconds. */
export const lookMs = 1_000;

/**
 * Looks at shared purses whose money other engines hold and steps of this one wait for: nothing here tells when it comes back.
 * A look is a flush that moves nothing, so what it says stands in order with what this engine has moved.
 */
export class PurseLooks {
  readonly #parts: PurseLookParts;
  /** When a purse may be looked at again, on the monotonic clock; infinite while it is. */
  readonly #next = new Map<string, number>();

  constructor(parts: PurseLookParts) {
    this.#parts = parts;
  }

  /** Milliseconds until a purse that a run waits for is worth another look, which this begins when it is time; null: something else will tell. */
  waitMs(run: Run, name: string): number | null {
    if (!this.#parts.budget.isHeldByOthers(name)) return null;
    const now = this.#parts.clock.monotonic();
    const next = this.#next.get(name);
    if (next === undefined) {
      // Whoever waits for it has just heard of it; names of days that are over go.
      for (const [each, at] of this.#next) if (at < now - 60 * lookMs) this.#next.delete(each);
      this.#next.set(name, now + lookMs);
      return lookMs;
    }
    if (next > now) return Number.isFinite(next) ? next - now : null;
    this.#look(run, name);
    return null;
  }

  #look(run: Run, name: string): void {
    const { journal, clock, changed } = this.#parts;
    if (!isShared(name)) return;
    this.#next.set(name, Number.POSITIVE_INFINITY);
    const money = { purses: [name], reserve: 0, release: 0, settle: 0 };
    journal.write({ run, step: null, money }, () => {
      this.#next.set(name, clock.monotonic() + lookMs);
      changed();
    });
  }
}
