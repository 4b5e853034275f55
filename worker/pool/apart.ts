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

/** What modules that are kept apart run with. */
export interface ApartOptions extends RosterOptions {
  readonly setup: ThreadSetup;
  readonly clock: Clock;
  readonly lease: LeaseClock;
  /** Processes at once, each of one module. */
  readonly processes: number;
  /** The heap of each, MB. @default as a thread of the engine */
  readonly heapMb?: number | undefined;
  /** How long a process waits for more work of its module, ms. @default 60,000 */
  readonly idleMs?: number | undefined;
}

const defaultIdleMs = 60_000;

/** A process, the only one that takes work of its module. */
interface Own {
  readonly module: string;
  readonly process: LaneProcess;
  /** It takes no more, and ends with its last job. */
  isLeaving: boolean;
  cancelIdle: () => void;
}

/**
 * Where agents run that are kept apart: a process for each of their modules, started for its first job, and never of two. When there are
 * as many as there may be, a module that waits gets the place of the one that has had its own for longest.
 */
export class Apart {
  readonly #options: ApartOptions;
  #setup: ThreadSetup;
  /** The longest there first. */
  readonly #own = new Set<Own>();
  /** Jobs by the module whose process they wait for. */
  readonly #roster: Roster<string, LaneProcess>;
  /** By module. */
  readonly #failed = new Map<string, FailedStarts>();
  #isWatched = false;
  #stopped = false;

  constructor(options: ApartOptions) {
    this.#options = options;
    this.#setup = options.setup;
    this.#roster = new Roster(options);
  }

  /** The processes, for the watchdog. */
  get watched(): readonly Watched[] {
    return [...this.#own].map(({ process }) => process);
  }

  /** Jobs that wait for the process of their module, by ref. */
  get awaiting(): ReadonlyMap<number, JobWait> {
    return this.#roster.awaiting((module) => ({ kind: 'process', module }));
  }

  /** Sends a job off, or has it wait for a process; returns the name of its worker. */
  run(module: string, job: Job): string {
    this.#roster.add({ job, for: module });
    this.#next();
    return `apart-${module}`;
  }

  /** Passes a message on; false where the job is none of these. */
  tell(message: Answer): boolean {
    return this.#roster.tell(message);
  }

  /** Ends a job from outside; false where it is none of these. */
  cancel(ref: number, error: ErrorData): boolean {
    return this.#roster.cancel(ref, error);
  }

  watch(isOn: boolean): void {
    this.#isWatched = isOn;
    for (const { process } of this.#own) process.send({ kind: 'watch', isOn });
  }

  /** Jobs that follow run with something else; what runs goes on with what it has. */
  renew(setup: ThreadSetup): void {
    this.#setup = setup;
    this.#forgetFailed();
    for (const own of [...this.#own]) this.#leave(own);
    this.#next();
  }

  async stop(): Promise<void> {
    this.#stopped = true;
    this.#forgetFailed();
    for (const { cancelIdle } of this.#own) cancelIdle();
    await Promise.all([...this.#own].map(({ process }) => process.close()));
  }

  /** Gives work to the processes that take it, and opens and ends processes for what is left. */
  #next(): void {
    if (this.#stopped) return;
    this.#roster.assign(({ for: module }) => this.#takerOf(module));
    const without = new Set(
      this.#roster.waiting
        .map(({ for: module }) => module)
        .filter((module) => !this.#of(module) && !this.#failed.get(module)?.isResting),
    );
    for (const module of without) {
      if (this.#own.size >= this.#options.processes) this.#endIdle();
      if (this.#own.size < this.#options.processes) {
        this.#start(module);
        without.delete(module);
      }
    }
    this.#makeRoom(without.size);
  }

  /** The process that takes a module's work. */
  #of(module: string): Own | undefined {
    return [...this.#own].find((own) => own.module === module && !own.isLeaving);
  }

  #takerOf(module: string): LaneProcess | undefined {
    const own = this.#of(module);
    if (!own?.process.isReady) return undefined;
    own.cancelIdle();
    return own.process;
  }

  /** Ends a process that has nothing to do. */
  #endIdle(): void {
    const idle = [...this.#own].find(({ process }) => process.jobs.size === 0 && process.isReady);
    if (idle) this.#end(idle);
  }

  /** Has as many processes end with their last job as modules wait for a place. */
  #makeRoom(modules: number): void {
    let missing = modules - [...this.#own].filter(({ isLeaving }) => isLeaving).length;
    for (const own of this.#own) {
      if (own.isLeaving || !own.process.isReady || missing <= 0) continue;
      missing -= 1;
      own.isLeaving = true;
    }
  }

  #start(module: string): void {
    const { lease, heapMb } = this.#options;
    const process = new LaneProcess({
      ...{ setup: this.#setup, lease, heapMb },
      events: {
        ready: () => {
          this.#failed.delete(module);
          if (this.#isWatched) process.send({ kind: 'watch', isOn: true });
          this.#rest(own);
          this.#next();
        },
        messages: (batch) => this.#hear(own, batch),
        lost: (reason, culprit) => this.#lost(own, reason, culprit),
      },
    });
    const own: Own = { module, process, isLeaving: false, cancelIdle: () => {} };
    this.#own.add(own);
  }

  #hear(own: Own, batch: readonly FromThread[]): void {
    if (!this.#roster.hear(own.process, batch)) return;
    this.#rest(own);
    this.#next();
  }

  /** What has nothing to do ends: at once where it is to leave, else after a while. */
  #rest(own: Own): void {
    if (own.process.jobs.size > 0 || !this.#own.has(own)) return;
    if (own.isLeaving) return this.#end(own);
    const { clock, idleMs = defaultIdleMs } = this.#options;
    own.cancelIdle();
    own.cancelIdle = clock.after(idleMs, () => this.#end(own));
  }

  #leave(own: Own): void {
    own.isLeaving = true;
    if (own.process.jobs.size === 0) this.#end(own);
  }

  #end(own: Own): void {
    own.cancelIdle();
    this.#own.delete(own);
    void own.process.close();
  }

  #lost(own: Own, reason: string, culprit: number): void {
    own.cancelIdle();
    this.#own.delete(own);
    this.#roster.lose(own.process, reason, culprit);
    if (!own.process.isReady) this.#startLater(own.module, reason);
    this.#next();
  }

  #startLater(module: string, reason: string): void {
    const failed = this.#failed.get(module) ?? new FailedStarts(this.#options.clock);
    this.#failed.set(module, failed);
    if (!failed.add(() => this.#next())) return;
    const why = `The process that keeps module '${module}' apart does not start: ${reason}.`;
    const error = toErrorData(new EngineError('LANE_LOST', why));
    this.#roster.refuse(error, (waiting) => waiting.for === module);
  }

  #forgetFailed(): void {
    for (const failed of this.#failed.values()) failed.clear();
    this.#failed.clear();
  }
}
