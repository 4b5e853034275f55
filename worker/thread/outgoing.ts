import type { Clock } from '../../core/base/clock.ts';
import type { FromThread } from '../../core/ports/dispatcher.ts';
import { deliver, mostTogether } from '../pool/delivery.ts';

/** How long it may take until the engine hears that a call leaves, ms: each batch wakes it, and most calls leave together. */
const togetherMs = 10;

/** Sends what a tick has gathered as one message, of much in several. That calls leave is gathered for longer, and goes with whatever goes first. */
export class Outgoing {
  readonly #clock: Pick<Clock, 'after'>;
  readonly #send: (batch: readonly FromThread[]) => void;
  readonly #unsent: (message: FromThread, thrown: unknown) => void;
  #batch: FromThread[] = [];
  #soon: NodeJS.Immediate | null = null;
  #cancelLater: (() => void) | null = null;

  /** `unsent` hears of a message that cannot be sent. */
  constructor(options: {
    readonly clock: Pick<Clock, 'after'>;
    readonly send: (batch: readonly FromThread[]) => void;
    readonly unsent: (message: FromThread, thrown: unknown) => void;
  }) {
    this.#clock = options.clock;
    this.#send = options.send;
    this.#unsent = options.unsent;
  }

  /** Messages arrive in the order in which they are posted. */
  post = (message: FromThread): void => {
    if (this.#batch.push(message) === mostTogether) this.#flush();
    else if (message.kind === 'sent')
      this.#cancelLater ??= this.#clock.after(togetherMs, this.#flush);
    else this.#soon ??= setImmediate(this.#flush);
  };

  #flush = (): void => {
    this.#cancelLater?.();
    this.#cancelLater = null;
    if (this.#soon) clearImmediate(this.#soon);
    this.#soon = null;
    const batch = this.#batch;
    this.#batch = [];
    deliver(batch, this.#send, this.#unsent);
  };
}
