import type { AnyTool } from '../../core/sdk/tool.ts';
import type { Pace } from './pace.ts';

/** A tool call that a playbook has begun. */
export interface BegunCall {
  readonly tool: AnyTool;
  readonly args: unknown;
}

/** What surrounds a round of calls. */
export interface RoundEvents {
  /** Before the calls are made; what it throws is what they come to. */
  before(calls: readonly BegunCall[]): Promise<void>;
  /** After all have ended, before the playbook goes on. */
  after(calls: readonly BegunCall[], outcomes: readonly PromiseSettledResult<unknown>[]): void;
}

interface Waiting extends BegunCall {
  readonly make: () => Promise<unknown>;
  readonly resolve: (value: unknown) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * A playbook's tool calls in the rounds that a model would make them in: those begun in one tick are a round. A round is
 * made at once and its calls are answered together, so what follows from any of them belongs to the next; so does what is begun
 * while it is under way.
 */
export class Rounds {
  readonly #events: RoundEvents;
  readonly #pace: Pick<Pace, 'tick'>;
  #begun: Waiting[] = [];
  #going: Promise<void> | null = null;
  #end: { readonly reason: unknown } | null = null;

  constructor(events: RoundEvents, pace: Pick<Pace, 'tick'>) {
    this.#events = events;
    this.#pace = pace;
  }

  /** Makes a call in the round that comes next, by `make`. @throws what the round's `before` or the call throws */
  call(call: BegunCall, make: () => Promise<unknown>): Promise<unknown> {
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    this.#begun.push({ ...call, make, resolve, reject });
    this.#going ??= this.#go();
    return promise;
  }

  /** Resolves when no call is under way. @throws what ended the rounds */
  async rest(): Promise<void> {
    await this.#going;
    if (this.#end) throw this.#end.reason;
  }

  async #go(): Promise<void> {
    await this.#pace.tick();
    while (this.#begun.length > 0) {
      const round = this.#begun;
      this.#begun = [];
      await this.#make(round);
      await this.#pace.tick();
    }
    this.#going = null;
  }

  async #make(round: readonly Waiting[]): Promise<void> {
    try {
      if (this.#end) throw this.#end.reason;
      await this.#events.before(round);
      const outcomes = await Promise.allSettled(round.map(({ make }) => make()));
      this.#events.after(round, outcomes);
      for (const [index, outcome] of outcomes.entries()) answer(round[index] as Waiting, outcome);
    } catch (reason) {
      this.#end ??= { reason };
      for (const { reject } of round) reject(reason);
    }
  }
}

function answer({ resolve, reject }: Waiting, outcome: PromiseSettledResult<unknown>): void {
  if (outcome.status === 'fulfilled') resolve(outcome.value);
  else reject(outcome.reason);
}
