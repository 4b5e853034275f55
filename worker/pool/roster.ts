import type { ErrorData } from '../../core/base/errors.ts';
import type {
  Answer,
  DispatchEvents,
  FromThread,
  Job,
  JobDone,
  ToThread,
} from '../../core/ports/dispatcher.ts';
import type { Freshness } from '../../core/ports/erp/freshness.ts';
import type { JobWait } from '../../core/ports/job-wait.ts';
import { refusal } from './delivery.ts';

/** Who takes jobs that leave this process. */
export interface Taker {
  /** Jobs that it has, by ref; the roster alone changes them. */
  readonly jobs: Set<number>;
  send(message: ToThread): void;
}

/** A job that waits. */
export interface WaitingJob<For> {
  readonly job: Job;
  /** Whose taker it waits for. */
  readonly for: For;
}

/** What a roster is kept with. */
export interface RosterOptions {
  /** Where what these agents may write to the ERP is told to the threads. */
  readonly freshness: Freshness;
  readonly events: DispatchEvents;
}

/** A job that a taker has. */
interface Running<By> {
  readonly by: By;
  /** Tells the threads that it writes no more: who has it does not share their memory. */
  readonly endWriting: () => void;
}

/** Who of the jobs that leave this process waits, and who has which: each hears what concerns it, and its end is told once. */
export class Roster<For, By extends Taker> {
  readonly #options: RosterOptions;
  #waiting: WaitingJob<For>[] = [];
  readonly #running = new Map<number, Running<By>>();

  constructor(options: RosterOptions) {
    this.#options = options;
  }

  /** Those that nobody has, oldest first. */
  get waiting(): readonly WaitingJob<For>[] {
    return this.#waiting;
  }

  /** What those wait for that nobody has, by ref. */
  awaiting(wait: (whose: For) => JobWait): ReadonlyMap<number, JobWait> {
    return new Map(this.#waiting.map(({ job, for: whose }) => [job.ref, wait(whose)]));
  }

  /** Those who have jobs. */
  get busy(): ReadonlySet<By> {
    return new Set([...this.#running.values()].map(({ by }) => by));
  }

  add(waiting: WaitingJob<For>): void {
    this.#waiting.push(waiting);
  }

  /** Sends off what somebody takes. `takerOf` is asked for each that waits, oldest first, when those before it have gone. */
  assign(takerOf: (waiting: WaitingJob<For>) => By | undefined): void {
    this.#waiting = this.#waiting.filter((waiting) => {
      const by = takerOf(waiting);
      if (by) this.#go(waiting.job, by);
      return !by;
    });
  }

  /** Passes a message on; false where nobody has the job. */
  tell(message: Answer): boolean {
    const running = this.#running.get(message.ref);
    running?.by.send(message);
    return running !== undefined;
  }

  /** Ends a job from outside, whether it waits or runs; false where it is none of these. */
  cancel(ref: number, error: ErrorData): boolean {
    return (
      this.tell({ kind: 'cancel', ref, error }) ||
      this.refuse(error, (waiting) => waiting.job.ref === ref)
    );
  }

  /** Ends what waits and is `meant`; false where nothing is. */
  refuse(error: ErrorData, meant: (waiting: WaitingJob<For>) => boolean = () => true): boolean {
    const refused = this.#waiting.filter(meant);
    if (refused.length === 0) return false;
    this.#waiting = this.#waiting.filter((waiting) => !meant(waiting));
    this.#options.events.messages(refused.map(({ job }) => refusal(job.ref, error)));
    return true;
  }

  /**
   * Passes on what somebody says of jobs that it has: for others it does not speak. Before that `ended` hears of each that has ended. Returns
   * whether one has.
   */
  hear(by: By, batch: readonly FromThread[], ended: (done: JobDone) => void = () => {}): boolean {
    const own: FromThread[] = [];
    const over = new Set<number>();
    for (const message of batch) {
      if (!by.jobs.has(message.ref) || over.has(message.ref)) continue;
      own.push(message);
      if (message.kind !== 'done') continue;
      over.add(message.ref);
      ended(message.done);
    }
    // Before they are taken off: who says an end that nobody can use is given up for that, and the job is lost with it.
    if (own.length > 0) this.#options.events.messages(own);
    for (const ref of over) this.#release(ref);
    return over.size > 0;
  }

  /** Somebody is gone with all that it had. `culprit`: the job that it was given up for; 0: unknown; null: it is no job's fault. */
  lose(by: By, reason: string, culprit: number | null): void {
    const lost = [...by.jobs];
    for (const ref of lost) {
      this.#release(ref);
      // Where nobody else was there it is known who did it.
      const isSuspect = ref === culprit || lost.length === 1;
      this.#options.events.lost(ref, reason, culprit === null ? null : isSuspect);
    }
  }

  #go(job: Job, by: By): void {
    by.jobs.add(job.ref);
    const endWriting = this.#options.freshness.writing(null, null);
    this.#running.set(job.ref, { by, endWriting });
    by.send({ kind: 'go', job });
    this.#options.events.begins?.(job.ref);
  }

  #release(ref: number): void {
    const running = this.#running.get(ref);
    running?.by.jobs.delete(ref);
    running?.endWriting();
    this.#running.delete(ref);
  }
}
