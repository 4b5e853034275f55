import type { Clock } from '../../core/base/clock.ts';
import { EngineError, type ErrorData, toErrorData } from '../../core/base/errors.ts';
import type { LeaseClock } from '../../core/base/lease-clock.ts';
import type { Answer, FromThread, Job } from '../../core/ports/dispatcher.ts';
import type { JobWait } from '../../core/ports/job-wait.ts';
import { FailedStarts } from './failed-starts.ts';
import type { ThreadSetup } from './lane.ts';
import { LaneProcess } from './lane-process.ts';
import { Roster, type RosterOptions } from './roster.ts';
import type { Watched } from './watchdog.ts';

/** What suspects run with. */
export interface QuarantineOptions extends RosterOptions {
  readonly setup: ThreadSetup;
  readonly clock: Clock;
  readonly lease: LeaseClock;
  /** The heap of a suspect that is kept apart, MB. @default as a thread of the engine */
  readonly heapMb?: number | undefined;
  /** How long the process waits for another suspect. @default 15,000 */
  readonly idleMs?: number;
}

const defaultIdleMs = 15_000;

/** Where suspects run, one at a time: in a process of their own that is started for the first and ends when none is left. */
export class Quarantine {
  readonly #options: QuarantineOptions;
  #setup: ThreadSetup;
  /** The process has loaded something else than the next one would. */
  #isStale = false;
  /** Suspects by the module that is kept apart; null: none of those. */
  readonly #roster: Roster<string | null, LaneProcess>;
  #process: LaneProcess | null = null;
  /** Whose suspects the process is for. */
  #module: string | null = null;
  /** The process has let suspects go that ended well: what those left behind may be the end of the next. */
  #hasServed = false;
  /** The step that runs. */
  #step = '';
  /** Steps under which such a process has ended, which proves nothing: they run again, as the first of theirs. */
  readonly #unproven = new Set<string>();
  readonly #failed: FailedStarts;
  #cancelIdle: () => void = () => {};
  #stopped = false;

  constructor(options: QuarantineOptions) {
    this.#options = options;
    this.#setup = options.setup;
    this.#roster = new Roster(options);
    this.#failed = new FailedStarts(options.clock);
  }

  /** The process, for the watchdog. */
  get watched(): readonly Watched[] {
    return this.#process ? [this.#process] : [];
  }

  /** Suspects that wait for their turn, by ref. */
  get awaiting(): ReadonlyMap<number, JobWait> {
    return this.#roster.awaiting(() => ({ kind: 'quarantine' }));
  }

  /** `module`: where it is kept apart, which it then is here, too. */
  run(job: Job, module: string | null = null): void {
    this.#roster.add({ job, for: module });
    this.#next();
  }

  /** Passes a message on to the suspect that runs; one for anybody else is late. */
  tell(message: Answer): void {
    this.#roster.tell(message);
  }

  /** Ends a suspect from outside. */
  cancel(ref: number, error: ErrorData): void {
    this.#roster.cancel(ref, error);
  }

  /** Suspects that follow run with something else; the one that runs goes on with what it has. */
  renew(setup: ThreadSetup): void {
    this.#setup = setup;
    this.#isStale = this.#process !== null;
    if (this.#process?.jobs.size === 0) {
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
    const process = this.#process;
    if (this.#stopped || this.#failed.isResting || process?.jobs.size) return;
    this.#cancelIdle();
    const [first] = this.#roster.waiting;
    if (!process) {
      if (first) this.#start(first.for);
      return;
    }
    if (!process.isReady) return;
    if (!first) {
      const { clock, idleMs = defaultIdleMs } = this.#options;
      this.#cancelIdle = clock.after(idleMs, () => this.#end());
    } else if (first.for !== this.#module || this.#needsOwn(first.job)) {
      this.#end();
      this.#start(first.for);
    } else this.#roster.assign(({ job }) => this.#take(process, job));
  }

  #take(process: LaneProcess, job: Job): LaneProcess | undefined {
    if (process.jobs.size > 0) return undefined;
    this.#step = stepOf(job);
    this.#unproven.delete(this.#step);
    return process;
  }

  #needsOwn(job: Job): boolean {
    return this.#hasServed && this.#unproven.has(stepOf(job));
  }

  #start(module: string | null): void {
    const { lease } = this.#options;
    const heapMb = module === null ? undefined : this.#options.heapMb;
    this.#module = module;
    this.#isStale = false;
    this.#hasServed = false;
    const started = new LaneProcess({
      ...{ setup: this.#setup, lease, heapMb },
      events: {
        ready: () => {
          this.#failed.clear();
          this.#next();
        },
        messages: (batch) => this.#hear(started, batch),
        lost: (reason) => this.#lost(started, reason),
      },
    });
    this.#process = started;
  }

  #hear(process: LaneProcess, batch: readonly FromThread[]): void {
    const hasEnded = this.#roster.hear(process, batch, ({ kind }) => {
      // A suspect that did not end well may have left something behind that would be blamed on the next.
      if (kind === 'failed' || this.#isStale) this.#end();
    });
    if (!hasEnded) return;
    this.#hasServed = true;
    this.#next();
  }

  #lost(gone: LaneProcess, reason: string): void {
    this.#process = null;
    if (this.#hasServed && gone.jobs.size > 0) this.#unproven.add(this.#step);
    this.#roster.lose(gone, reason, this.#hasServed ? null : 0);
    if (gone.isReady) this.#next();
    else this.#startLater(reason);
  }

  #startLater(reason: string): void {
    if (!this.#failed.add(() => this.#next())) return;
    const why = `The process for suspects does not start: ${reason}.`;
    const error = toErrorData(new EngineError('LANE_LOST', why));
    this.#roster.refuse(error);
  }

  #end(): void {
    void this.#process?.close();
    this.#process = null;
  }
}

function stepOf({ runId, stepPath }: Job): string {
  return `${runId} ${stepPath}`;
}
