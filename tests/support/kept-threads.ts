import { LeaseClock, monotonicNs } from '../../core/base/lease-clock.ts';
import type { DispatchEvents, Dispatcher, FromThread } from '../../core/ports/dispatcher.ts';
import type { ThreadSetup } from '../../worker/pool/lane.ts';
import { Pool } from '../../worker/pool/pool.ts';

/** Longer than any test, nanoseconds. */
const foreverNs = 86_400_000_000_000n;

/** Whose job it is, and by which ref. */
interface Owned {
  readonly ref: number;
  readonly events: DispatchEvents;
}

/**
 * One thread that engine after engine works with, several at once if need be: where engines end and begin anew all the time, most of the cost is
 * the thread that each begins. What an engine leaves running when it stops is ended, and nobody hears of it. The lease that the thread asks is nobody's
 * and always held: not for what is written outside.
 */
export class KeptThreads {
  readonly #pool: Pool;
  /** By the ref that the thread knows. */
  readonly #jobs = new Map<number, Owned>();
  #started: Promise<void> | null = null;
  #refs = 0;

  constructor(setup: ThreadSetup) {
    this.#pool = new Pool({ setup, threads: 1 });
  }

  /** For one engine. */
  dispatcher(): Dispatcher {
    const pool = this.#pool;
    const jobs = this.#jobs;
    const refs = new Map<number, number>();
    const known = (ref: number): number => refs.get(ref) ?? 0;
    let own: DispatchEvents | null = null;
    return {
      start: async (events) => {
        own = events;
        this.#started ??= this.#start();
        await this.#started;
      },
      get health() {
        return pool.health;
      },
      run: (job) => {
        this.#refs += 1;
        refs.set(job.ref, this.#refs);
        if (own) jobs.set(this.#refs, { ref: job.ref, events: own });
        return pool.run({ ...job, ref: this.#refs });
      },
      tell: (answer) => pool.tell({ ...answer, ref: known(answer.ref) }),
      cancel: (ref, error) => pool.cancel(known(ref), error),
      stop: async () => {
        const error = { code: 'ENGINE_STOPPED', message: 'Its engine has stopped.' } as const;
        for (const ref of refs.values()) if (jobs.delete(ref)) pool.cancel(ref, error);
      },
    };
  }

  async stop(): Promise<void> {
    await this.#pool.stop();
  }

  async #start(): Promise<void> {
    const lease = new LeaseClock();
    lease.untilNs = monotonicNs() + foreverNs;
    await this.#pool.start(
      {
        messages: (batch) => this.#hear(batch),
        lost: (ref, reason, suspect) => {
          const job = this.#jobs.get(ref);
          this.#jobs.delete(ref);
          job?.events.lost(job.ref, reason, suspect);
        },
      },
      lease,
    );
  }

  /** Each engine hears what is its own, in the order in which it came, together. */
  #hear(batch: readonly FromThread[]): void {
    const heard = Map.groupBy(batch, ({ ref }) => this.#jobs.get(ref)?.events);
    for (const [events, messages] of heard) {
      const own = messages.map((each) => ({ ...each, ref: this.#jobs.get(each.ref)?.ref ?? 0 }));
      for (const { kind, ref } of messages) if (kind === 'done') this.#jobs.delete(ref);
      events?.messages(own);
    }
  }
}
