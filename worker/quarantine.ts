import type { Clock } from '../core/base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../core/base/errors.ts';
import type { LeaseClock } from '../core/base/lease-clock.ts';
import type { Answer, DispatchEvents, FromThread, Job } from '../core/ports/dispatcher.ts';
import type { Freshness } from '../core/ports/erp/freshness.ts';
import { FailedStarts } from './failed-starts.ts';
import type { ThreadSetup } from './lane.ts';
import { LaneProcess } from './lane-process.ts';
import type { Watched } from './watchdog.ts';

/** What suspects run with. */
export interface QuarantineOptions {
  readonly setup: ThreadSetup;
  readonly clock: Clock;
  readonly lease: LeaseClock;
  /** Where what suspects may write to the ERP is told to the threads. */
  readonly freshness: Freshness;
  readonly events: DispatchEvents;
  /** The heap of a suspect that is kept apart, MB. @default as a thread of the engine */
  readonly heapMb?: number | undefined;
  /** How long the process waits for another suspect. @default 15,000 */
  readonly idleMs?: number;
}

interface Suspect {
  readonly job: Job;
  readonly module: string | null;
}

const defaultIdleMs = 15_000;

/** Where suspects run, one at a time: in a process of their own that is started for the first and ends when none is left. */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #setup: ThreadSetup;
  /** The process has loaded something else than the next one would. */
  #isStale = false;
  readonly #waiting: Suspect[] = [];
  #process: LaneProcess | null = null;
  /** The module that the process is for; null: those that are not kept apart. */
  #module: string | null = null;
  /** The suspect that runs. */
  #job: Job | null = null;
  readonly #failed: FailedStarts;
  #cancelIdle: () => void = () => {};
  /** Tells the threads that the suspect writes no more: its process does not share their memory. */
  #endWriting: () => void = () => {};
  #stopped = false;

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#failed = new FailedStarts(options.clock);
    this.#setup = options.setup;
  }

  /** The process, for the watchdog. */
  get watched(): readonly Watched[] {
    return this.#process ? [this.#process] : [];
  }

  /** `module`: where it is kept apart, which it then is here, too. */
  run(job: Job, module: string | null = null): void {
    this.#waiting.push({ job, module });
    this.#next();
  }

  /** Passes a message on to the suspect that runs; one for anybody else is late. */
  tell(message: Answer): void {
    if (message.ref === this.#job?.ref) this.#process?.send(message);
  }

  /** Ends a suspect from outside. */
  cancel(ref: number, error: ErrorData): void {
    const index = this.#waiting.findIndex(({ job }) => job.ref === ref);
    if (index < 0) return this.tell({ kind: 'cancel', ref, error });
    this.#waiting.splice(index, 1);
    this.#options.events.messages([refusal(ref, error)]);
  }

  /** Suspects that follow run with something else; the one that runs goes on with what it has. */
  renew(setup: ThreadSetup): void {
    this.#setup = setup;
    this.#isStale = this.#process !== null;
    if (this.#isStale && !this.#job) {
      this.#end();
      this.#next();
    }
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#failed.clear();
    this.#cancelIdle();
    await this.#process?.close();
  }

  #next(): void {
    if (this.#stopped || this.#failed.isResting || this.#job) return;
    this.#cancelIdle();
    if (!this.#process) {
      const [first] = this.#waiting;
      if (first) this.#start(first);
      return;
    }
    if (!this.#process.isReady) return;
    const [suspect] = this.#waiting;
    if (!suspect) {
      const { clock, idleMs = defaultIdleMs } = this.#options;
      this.#cancelIdle = clock.after(idleMs, () => this.#end());
      return;
    }
    if (suspect.module !== this.#module) {
      this.#end();
      return this.#start(suspect);
    }
    const { job } = suspect;
    this.#waiting.shift();
    this.#job = job;
    this.#endWriting = this.#options.freshness.writing(null, null);
    this.#process.send({ kind: 'go', job });
  }

  #start({ module }: Suspect): void {
    const { lease } = this.#options;
    const setup = this.#setup;
    const heapMb = module === null ? undefined : this.#options.heapMb;
    this.#module = module;
    this.#isStale = false;
    const started = new LaneProcess({
      setup,
      lease,
      heapMb,
      events: {
        ready: () => {
          this.#failed.clear();
          this.#next();
        },
        messages: (batch) => this.#hear(batch),
        lost: (reason) => this.#lost(started, reason),
      },
    });
    this.#process = started;
  }

  #hear(batch: readonly FromThread[]): void {
    const done = batch.find(({ kind, ref }) => kind === 'done' && ref === this.#job?.ref);
    if (done?.kind === 'done') {
      this.#job = null;
      this.#endWriting();
      // A suspect that did not end well may have left something behind that would be blamed on the next.
      if (done.done.kind === 'failed' || this.#isStale) this.#end();
    }
    this.#options.events.messages(batch);
    if (done) this.#next();
  }

  #lost(gone: LaneProcess, reason: string): void {
    const job = this.#job;
    this.#process = null;
    this.#job = null;
    if (job) {
      this.#endWriting();
      this.#options.events.lost(job.ref, reason, true);
    }
    if (gone.isReady) this.#next();
    else this.#startLater(reason);
  }

  #startLater(reason: string): void {
    if (!this.#failed.add(() => this.#next())) return;
    const why = `The process for suspects does not start: ${reason}.`;
    const error = toErrorData(new EngineError('LANE_LOST', why));
    const refused = this.#waiting.splice(0).map(({ job }) => refusal(job.ref, error));
    this.#options.events.messages(refused);
  }

  #end(): void {
    void this.#process?.close();
    this.#process = null;
  }
}

/** The end of a job of which nothing has run. */
export function refusal(ref: number, error: ErrorData): FromThread {
  return {
    kind: 'done',
    ref,
    done: { kind: 'failed', error, degraded: false, trust: 'system' },
  };
}
