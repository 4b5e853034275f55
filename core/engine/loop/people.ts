import type { Clock } from '../../base/clock.ts';
import type { ErrorData } from '../../base/errors.ts';
import type { EntryInput } from '../journal/entries.ts';
import type { Next } from '../run/next.ts';
import type { Run } from '../run/run.ts';
import { isEnding, type Step } from '../run/step.ts';

/** What a step waits for until a person has done it. */
export type Asked = 'review' | 'budget' | 'approval';

/** What is done to a step that waits for a person, as the run loop does it. */
export interface PeopleEvents {
  /** Gives back what the step holds. */
  free(run: Run, step: Step): void;
  note(run: Run, entry: EntryInput): void;
  follow(run: Run, next: readonly Next[]): void;
  again(run: Run, step: Step): void;
  wake(run: Run, step: Step): void;
  cancelled(run: Run, step: Step): void;
}

/** Steps that wait for people: for who settles an effect, who agrees to one, who raises a budget. They hold nothing meanwhile. */
export class People {
  readonly #events: PeopleEvents;
  readonly #clock: Pick<Clock, 'now'>;
  /** Steps that ran when budgets moved: what they were refused before may be there now. */
  readonly #moved = new WeakSet<Step>();

  constructor(events: PeopleEvents, clock: Pick<Clock, 'now'>) {
    this.#events = events;
    this.#clock = clock;
  }

  /** Lets a step wait; one whose effect has been settled meanwhile goes on at once. */
  ask(run: Run, step: Step, { wait, error }: { readonly wait: Asked; readonly error: ErrorData }) {
    const events = this.#events;
    const isSettled = wait !== 'budget' && step.settled?.delete(String(error.details?.key));
    const hasMoved = wait === 'budget' && this.#moved.delete(step);
    if (isSettled || hasMoved) return events.again(run, step);
    if (isEnding(run, step)) return events.cancelled(run, step);
    events.free(run, step);
    const wakeAt = wait === 'approval' ? this.#lookAgainAt(error) : null;
    run.wait(step, wait, wakeAt);
    events.note(run, { step, kind: 'step.waiting', data: { wait, ...error.details } });
    events.follow(run, wakeAt === null ? [] : [{ kind: 'wait', step }]);
  }

  /** When a question ends that nobody decides; by the database's clock, which may be behind. */
  #lookAgainAt({ details }: ErrorData): number {
    const soonest = this.#clock.now() + 1_000;
    const expiresAt = Date.parse(String(details?.expiresAt));
    return Number.isNaN(expiresAt) ? soonest : Math.max(expiresAt, soonest);
  }

  /** Budgets may have been raised: what waits for money asks again. */
  lookAtMoney(runs: Iterable<Run>): void {
    for (const run of runs)
      for (const step of run.steps) {
        if (step.status === 'running') this.#moved.add(step);
        if (step.wait === 'budget') this.#events.wake(run, step);
      }
  }
}
