import type { Clock } from '../../base/clock.ts';
import { inPieces, type Pieces } from '../../base/pieces.ts';
import type { Forecast } from '../schedule/expected-work.ts';
import type { Past } from './past.ts';

/** The last forecast. */
interface Seen {
  readonly foreseen: Forecast;
  readonly at: number;
  /** Until when there is no newer one. */
  readonly until: number;
  /** Steps that there were then. */
  readonly steps: number;
}

/**
 * A forecast of more than one piece is dear: the next one waits nine times as long as it took of the engine's thread, and questions are
 * answered by the last. Measured: 30 ms for 500 steps, 250 to 600 ms for 10,000.
 */
const restTimes = 9;
/** A forecast that is older is not told of, milliseconds: whoever asks then waits for a new one. */
const oldestMs = 60_000;
/** By so many more steps than at the last look the next one is taken for dear. */
const manyMore = 1_000;
/** Stands for what earlier runs say where nobody has asked them. */
const nothing = {};

/** When an engine looks ahead: one look after the other, in pieces between which it goes on with its work, and seldom where that is dear. */
export class Foresight {
  readonly #clock: Pick<Clock, 'monotonic' | 'after'>;
  readonly #stepsOf: () => number;
  /** By what earlier runs say, which is of one tenant. */
  readonly #seen = new WeakMap<object, Seen>();
  #restUntil = 0;
  #going: Promise<void> | null = null;

  /** `stepsOf`: how many steps there are now, of all runs. */
  constructor(clock: Pick<Clock, 'monotonic' | 'after'>, stepsOf: () => number) {
    this.#clock = clock;
    this.#stepsOf = stepsOf;
  }

  /**
   * What was foreseen lately, where that was dear or the next look will be; when it is time for a new forecast, `again` makes it beside everything
   * else. Null: look.
   */
  lately(past: Past | null, again: () => Pieces<{ readonly foreseen: Forecast }>): Forecast | null {
    const seen = this.#seen.get(past ?? nothing);
    const now = this.#clock.monotonic();
    if (!seen || now > seen.until + oldestMs) return null;
    const isDear = seen.until > seen.at || this.#stepsOf() > seen.steps + manyMore;
    if (!isDear) return null;
    // Who waits for the answer to it learns of a failure; the next one to ask does, of this.
    if (now >= seen.until && !this.#going) this.look(past, again).catch(() => {});
    return seen.foreseen;
  }

  /** Ends with the look that goes on; null: none does. */
  get going(): Promise<void> | null {
    return this.#going;
  }

  /** Looks ahead, at once where the engine has had its rest. Only when no other look goes on. */
  async look<T extends { readonly foreseen: Forecast }>(
    past: Past | null,
    work: () => Pieces<T>,
  ): Promise<T> {
    const end = Promise.withResolvers<void>();
    this.#going = end.promise;
    try {
      const restMs = this.#restUntil - this.#clock.monotonic();
      if (restMs > 0) await new Promise<void>((resolve) => this.#clock.after(restMs, resolve));
      const { result, pieces, tookMs } = await inPieces(work(), this.#clock);
      this.#keep(past, result.foreseen, pieces > 1 ? restTimes * tookMs : 0);
      return result;
    } finally {
      this.#going = null;
      end.resolve();
    }
  }

  #keep(past: Past | null, foreseen: Forecast, restMs: number): void {
    const at = this.#clock.monotonic();
    const until = at + restMs;
    this.#restUntil = until;
    this.#seen.set(past ?? nothing, { foreseen, at, until, steps: this.#stepsOf() });
  }
}
