import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';

/** How long an ERP may take to answer; connectors that bound their requests have given up long before. */
const patienceMs = 60_000;

/** Whoever was asked has said nothing. */
export class Silence extends EngineError {
  constructor(asked: string) {
    super(
      'ERP_UNAVAILABLE',
      `The ERP has not answered within ${patienceMs / 1_000} s ${asked}; see whether its connector bounds its requests.`,
    );
  }
}

/** How long an ERP is waited for where no step's own time bounds it: a connector that never answers keeps nothing else from going on. */
export class Patience {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #givenUp: readonly AbortSignal[];
  #over = new AbortController();

  /** `givenUp`: aborted when nobody waits any more for what it waits for. @default somebody always does */
  constructor(clock: Pick<Clock, 'after'>, givenUp?: AbortSignal) {
    this.#clock = clock;
    this.#givenUp = givenUp ? [givenUp] : [];
  }

  /**
   * Waits for what an ERP is asked, for at most a minute; the signal tells the connector that nobody does any more. `asked` goes on as in:
   * has not answered `what has changed of 'bill'`. @throws ERP_UNAVAILABLE, and whatever the ERP throws
   */
  async wait<T>(asked: string, ask: (signal: AbortSignal) => Promise<T>): Promise<T> {
    const late = new AbortController();
    const cancel = this.#clock.after(patienceMs, () => late.abort(new Silence(asked)));
    const signal = AbortSignal.any([late.signal, this.#over.signal, ...this.#givenUp]);
    const ended = Promise.withResolvers<never>();
    const end = (): void => ended.reject(signal.reason);
    try {
      if (signal.aborted) throw signal.reason;
      signal.addEventListener('abort', end, { once: true });
      return await Promise.race([ask(signal), ended.promise]);
    } finally {
      cancel();
      signal.removeEventListener('abort', end);
    }
  }

  /** Whether nobody waits any more: what fails now says nothing about the ERP. */
  get isOver(): boolean {
    return this.#over.signal.aborted;
  }

  /** Waits for nothing any more until `work` has ended, and what is waited for fails now; whoever asks after that is waited for again. */
  async endUntil(work: Promise<unknown>): Promise<void> {
    const message = 'Nobody waits for the ERP any more: the engine is being stopped.';
    this.#over.abort(new EngineError('ERP_UNAVAILABLE', message));
    await work;
    this.#over = new AbortController();
  }
}
