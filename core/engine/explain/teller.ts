import type { JobWait } from '../../ports/job-wait.ts';
import type { Refusal } from '../limits/broker.ts';
import type { Attempt } from '../loop/attempt.ts';
import type { Waiting } from '../loop/waiting.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { isEnding, pathOf, type Step } from '../run/step.ts';
import { blockersOf, jobBlocker, type StepBlocker } from '../schedule/blockers.ts';
import type { Forecast, LiftedStart } from '../schedule/expected-work.ts';
import type { Doer, Doers } from './doers.ts';
import {
  type AwaitedEffect,
  type ExplainedBlocker,
  type ExplainedStep,
  momentOf,
} from './explanation.ts';
import { LineUp } from './line-up.ts';
import { factsOf } from './step-facts.ts';
import { awaitedPlaces, isPoint, type Surroundings } from './surroundings.ts';
import { taskId } from './tasks.ts';

/** What steps are told of with. */
export interface Telling {
  readonly run: Run;
  readonly around: Surroundings;
  readonly doers: Doers;
  /** Effects that steps wait for people to settle or approve, by step. */
  readonly effects: ReadonlyMap<number, AwaitedEffect>;
  /** Runs that steps have started and that have not ended, by step. */
  readonly runs: ReadonlyMap<number, readonly string[]>;
  /** Whether one step is told of, with what lifting each thing in its way would do. */
  readonly isAlone: boolean;
}

/** What is told of a forecast. */
export type Foreseen = Pick<Forecast, 'times' | 'ifLifted'> & {
  /** null: nobody has looked ahead. */
  readonly bottleneck: Forecast['bottleneck'] | null;
};

/** What a step waits for, without when it should start. */
interface Seen extends Omit<ExplainedStep, 'blockers' | 'startAt' | 'endAt'> {
  readonly task: string;
  readonly blockers: readonly StepBlocker[];
  /** Nobody knows when it starts: nothing of it is started any more, or no machine or process takes it. */
  readonly isHeld: boolean;
}

/** Tells of waiting steps one by one, all at one moment. */
export class Teller {
  readonly #telling: Telling;
  readonly #lineUp: LineUp;
  readonly #items = new Map<Step, Waiting>();
  readonly #refused = new Map<Doer, readonly Refusal[]>();
  /** Those that ask for their next call. */
  readonly #asking = new Map<Step, Attempt>();
  readonly #awaited: ReadonlyMap<Step, JobWait>;

  constructor(telling: Telling) {
    const { around } = telling;
    this.#telling = telling;
    this.#lineUp = new LineUp(around);
    this.#awaited = awaitedPlaces(around);
    const { scheduler } = around;
    for (const item of [...scheduler.values(), ...scheduler.held]) this.#items.set(item.step, item);
    for (const attempt of around.attempts.values())
      if (attempt.step.isAsking) this.#asking.set(attempt.step, attempt);
  }

  /** Whether a step has not ended and does not run. What is being cancelled, or has failed just now, asks for nothing more. */
  waits(step: Step): boolean {
    const { status, isAsking } = step;
    if (!isAsking) return this.#awaited.has(step) || (!isTerminal(status) && status !== 'running');
    const isDelayed = (this.#asking.get(step)?.asksAt ?? null) !== null;
    return !isEnding(this.#telling.run, step) && (isDelayed || this.#items.has(step));
  }

  /** What is in the way of a step at this moment. */
  see(step: Step): Seen {
    const { run, around, doers } = this.#telling;
    const doer = isPoint(step) ? null : doers.of(run, step);
    const place = this.#placeOf(step);
    return {
      task: taskId(run, step),
      id: step.id,
      path: pathOf(step),
      kind: step.kind,
      agent: doer?.registered.name ?? null,
      status: step.status,
      isFollowUp: step.isAsking,
      blockers: place ? [place] : this.#blockersOf(step, doer),
      isHeld: place !== null || (around.isDraining() && !step.isAsking),
    };
  }

  /** A job waits from its start on. */
  #placeOf(step: Step): StepBlocker | null {
    const wait = this.#awaited.get(step);
    if (!wait) return null;
    const since = step.startedAt ?? this.#telling.around.clock.now();
    return jobBlocker(wait, momentOf(since) as string);
  }

  #blockersOf(step: Step, doer: Doer | null): readonly StepBlocker[] {
    const { run, around, effects, runs } = this.#telling;
    const watched = {
      ...{ run, step, doer, refused: this.#refused },
      item: this.#items.get(step) ?? null,
      attempt: this.#asking.get(step) ?? null,
      effect: effects.get(step.id) ?? null,
      runs: runs.get(step.id) ?? [],
    };
    return blockersOf(factsOf(watched, around, this.#lineUp));
  }

  /** The same, with when it should start by a forecast. */
  tell({ task, blockers, isHeld, ...seen }: Seen, foreseen: Foreseen): ExplainedStep {
    const times = isHeld ? null : foreseen.times.get(task);
    return {
      ...seen,
      blockers: this.#telling.isAlone ? this.#withLifted(blockers, foreseen.ifLifted) : blockers,
      startAt: this.#toCome(times?.startMs),
      endAt: this.#toCome(times?.endMs),
    };
  }

  #withLifted(
    blockers: readonly StepBlocker[],
    lifted: readonly LiftedStart[],
  ): readonly ExplainedBlocker[] {
    return blockers.map((blocker) => {
      const start = lifted.find((each) => isSame(blocker, each))?.startMs ?? null;
      const startMs = isOfPlace(blocker) ? this.#telling.around.clock.now() : start;
      return { ...blocker, ifLifted: momentOf(startMs) };
    });
  }

  /** What should have been by now is about to be: the forecast may be older than this moment. */
  #toCome(ms: number | null | undefined): string | null {
    return momentOf(ms == null ? null : Math.max(ms, this.#telling.around.clock.now()));
  }
}

/** Whether it is all that keeps a step from running at once. */
function isOfPlace({ kind }: StepBlocker): boolean {
  return kind === 'machine' || kind === 'process' || kind === 'quarantine';
}

/** Whether a forecast's obstacle is a blocker: holds of the step itself go by other names there. */
function isSame(blocker: StepBlocker, { kind, name }: LiftedStart): boolean {
  switch (blocker.kind) {
    case 'dependency':
    case 'items':
      return kind === 'dependency';
    case 'stop':
    case 'paused':
    case 'retry':
    case 'moment':
    case 'review':
    case 'approval':
    case 'budget_approval':
    case 'event':
    case 'version':
    case 'batch':
    case 'child':
      return kind === 'wait';
    case 'running':
    case 'run':
    case 'module':
    case 'queue':
      return kind === blocker.kind;
    case 'owner':
    case 'machine':
    case 'process':
    case 'quarantine':
      return false;
    default:
      return kind === blocker.kind && name === blocker.scope;
  }
}
