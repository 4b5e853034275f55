import type { Clock } from '../../base/clock.ts';
import { deadlineOf } from '../run/deadline-of.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';

/**
 * A timer counts what has passed, and moments are what clocks show: however a clock is set, or a machine sleeps, nothing is later by more than
 * this, milliseconds.
 */
const longestMs = 60_000;

/**
 * What this engine does at a moment by itself: it ends runs at their deadlines and wakes steps whose wait is over. The moments
 * are in the journal (a run's age and pins, a step's `wake_at`), so whoever takes a run over arms them again.
 */
export class Timers {
  readonly #clock: Clock;
  readonly #deadlines = new Map<Run, () => void>();
  readonly #wakes = new Map<Step, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls `late` when the run's deadline has passed, if it has one. */
  armDeadline(run: Run, late: () => void): void {
    const deadline = deadlineOf(run);
    if (deadline === null) return;
    this.#deadlines.set(run, this.#at(deadline, late));
  }

  /** Calls `awake` at the step's `wakeAt`, unless it has ended its wait by then. */
  armWake(step: Step, awake: () => void): void {
    if (step.wakeAt === null) return;
    this.#wakes.get(step)?.();
    const cancel = this.#at(step.wakeAt, () => {
      this.#wakes.delete(step);
      if (step.status === 'waiting') awake();
    });
    this.#wakes.set(step, cancel);
  }

  /** Calls off everything of a run that has ended. */
  forget(run: Run): void {
    this.#deadlines.get(run)?.();
    this.#deadlines.delete(run);
    for (const step of this.#wakes.keys()) if (run.steps[step.id] === step) this.forgetWake(step);
  }

  forgetWake(step: Step): void {
    this.#wakes.get(step)?.();
    this.#wakes.delete(step);
  }

  stop(): void {
    for (const cancel of [...this.#deadlines.values(), ...this.#wakes.values()]) cancel();
  }

  #at(moment: number, then: () => void): () => void {
    const clock = this.#clock;
    let cancel = (): void => {};
    const arm = (): void => {
      const leftMs = Math.max(0, moment - clock.now());
      cancel = clock.after(Math.min(leftMs, longestMs), () =>
        clock.now() < moment ? arm() : then(),
      );
    };
    arm();
    return () => cancel();
  }
}
