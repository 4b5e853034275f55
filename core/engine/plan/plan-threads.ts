import type { Clock } from '../../base/clock.ts';
import { LeaseClock } from '../../base/lease-clock.ts';
import type {
  DeclaredModules,
  DispatchEvents,
  Dispatcher,
  FromThread,
} from '../../ports/dispatcher.ts';
import { givenUp, type Walk, type Walked } from './walk.ts';

/** What threads of plans are opened with. */
export interface PlanThreadsParts {
  /** Opens threads that load what is declared now. */
  readonly open: () => Dispatcher;
  /** What is declared now: threads that were opened for anything else make no plan. */
  readonly declared: () => DeclaredModules;
  readonly clock: Pick<Clock, 'after'>;
  /** How long they wait for the next plan, ms. @default 60,000: who has read a plan asks for another, or binds a run to it */
  readonly keepMs?: number | undefined;
}

/** What a walk is made with. */
export interface LentThreads {
  readonly dispatcher: Dispatcher;
  /** Names jobs as none before on these threads: what is still heard of an earlier plan's belongs to nobody. */
  readonly newRef: () => number;
}

interface Opened extends LentThreads {
  readonly declared: string;
  readonly relay: Relay;
}

const usualKeepMs = 60_000;

/**
 * The threads of plans, none of an engine's: a plan's agents compute without a pause, and no thread of it may ever write. The first plan opens
 * them, and they stay for a while after each, since to load everything anew takes longer than most plans. One plan has them at a time.
 */
export class PlanThreads {
  readonly #parts: PlanThreadsParts;
  readonly #closing = new AbortController();
  #opened: Opened | null = null;
  #forget: () => void = () => {};

  constructor(parts: PlanThreadsParts) {
    this.#parts = parts;
  }

  /** Goes a walk to its end. @throws MODULE_INVALID when a thread cannot load the modules · CANCELLED · what the walk throws */
  async walk(make: (lent: LentThreads) => Walk, signal: AbortSignal): Promise<Walked> {
    this.#forget();
    let isClean = false;
    try {
      const opened = await this.#open();
      const walk = make(opened);
      opened.relay.to = walk;
      const walked = await walk.walk(AbortSignal.any([signal, this.#closing.signal]));
      // What has come to its end has left nothing running, but for a thread that was given up.
      isClean = opened.dispatcher.health.zombies === 0;
      return walked;
    } finally {
      if (isClean && !this.#closing.signal.aborted) this.#keep();
      else await this.#stop();
    }
  }

  /** Ends them now, whatever they do. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#forget();
    await this.#stop();
  }

  async #open(): Promise<Opened> {
    const declared = JSON.stringify(this.#parts.declared());
    if (this.#opened?.declared === declared) return this.#opened;
    await this.#stop();
    const closing = this.#closing.signal;
    if (closing.aborted) throw givenUp();
    const relay = new Relay();
    const dispatcher = this.#parts.open();
    let made = 0;
    const opened = { dispatcher, declared, relay, newRef: () => ++made };
    this.#opened = opened;
    const closed = Promise.withResolvers<never>();
    const giveUp = (): void => closed.reject(givenUp());
    closing.addEventListener('abort', giveUp, { once: true });
    // A lease that is never held: whatever went wrong, no thread would write.
    await Promise.race([dispatcher.start(relay, new LeaseClock()), closed.promise]);
    closing.removeEventListener('abort', giveUp);
    return opened;
  }

  #keep(): void {
    const { clock, keepMs = usualKeepMs } = this.#parts;
    const opened = this.#opened;
    if (opened) opened.relay.to = null;
    this.#forget = clock.after(keepMs, () => void this.#stop());
  }

  async #stop(): Promise<void> {
    const opened = this.#opened;
    this.#opened = null;
    await opened?.dispatcher.stop();
  }
}

/** Hands on what threads tell to the plan that has them. */
class Relay implements DispatchEvents {
  to: DispatchEvents | null = null;

  messages(batch: readonly FromThread[]): void {
    this.to?.messages(batch);
  }

  lost(...lost: Parameters<DispatchEvents['lost']>): void {
    this.to?.lost(...lost);
  }
}
