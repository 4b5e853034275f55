import { EngineError } from '../../base/errors.ts';
import type { DispatchEvents } from '../../ports/dispatcher.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { pathOf, readPath, type Step } from '../run/step.ts';
import type { Waiting } from '../run/waiting.ts';
import { blockersOf, type StepBlocker } from '../schedule/blockers.ts';
import type { Forecast, LiftedStart } from '../schedule/expected-work.ts';
import { forecast } from '../schedule/forecast.ts';
import { Experience } from './experience.ts';
import {
  type ExplainedBlocker,
  type ExplainedStep,
  type Explanation,
  momentOf,
} from './explanation.ts';
import { BrokerGates } from './gates.ts';
import { LineUp } from './line-up.ts';
import type { Past } from './past.ts';
import { factsOf } from './step-facts.ts';
import { doerOf, isPoint, type Surroundings } from './surroundings.ts';
import { Tasks, taskId } from './tasks.ts';

/** What somebody wants to know of a run, and what the rows say that memory does not. */
export interface Question {
  /** The path of one step. @default all that wait */
  readonly step?: string | undefined;
  /** What earlier runs say. @default null: nothing */
  readonly past?: Past | null;
  /** Keys of effects that steps wait for people to settle, by step. @default none */
  readonly keys?: ReadonlyMap<number, string>;
}

/** An answer that took longer than this, milliseconds, is given again for ten times as long: looking ahead holds up the engine. */
const dearMs = 50;

/**
 * Says of an engine's own runs what each waiting step waits for and when it should start: facts of this moment, and a forecast
 * over forks of its scheduler's limits and its gates. Changes nothing; everything is of one moment, between two ticks.
 */
export class Explainer {
  readonly #around: Surroundings;
  readonly #experience: Experience;
  #last: { readonly asked: string; readonly until: number; readonly told: Explanation } | null =
    null;

  constructor(around: Surroundings) {
    this.#around = around;
    this.#experience = new Experience(around.attempts, around.clock);
  }

  /** What threads say, on its way to the engine. */
  listening(events: DispatchEvents): DispatchEvents {
    return this.#experience.listening(events);
  }

  /** Whether this engine owns a run. */
  owns(runId: string): boolean {
    return this.#around.runs.has(runId);
  }

  /** What the waiting steps of a run wait for; null when this engine does not own it. @throws STEP_UNKNOWN */
  explain(runId: string, question: Question = {}): Explanation | null {
    const run = this.#around.runs.get(runId);
    if (!run) return null;
    const { clock } = this.#around;
    const begunAt = clock.monotonic();
    const asked = `${runId} ${question.step ?? ''}`;
    if (this.#last?.asked === asked && begunAt < this.#last.until) return this.#last.told;
    const told = this.#explain(run, question);
    const tookMs = clock.monotonic() - begunAt;
    if (tookMs > dearMs) this.#last = { asked, until: begunAt + 11 * tookMs, told };
    return told;
  }

  #explain(run: Run, question: Question): Explanation {
    const watched = question.step === undefined ? null : stepAt(run, question.step);
    const foreseen = this.#foresee(question.past ?? null, watched && taskId(run, watched));
    const steps = (watched ? [watched] : run.steps).filter(waits);
    const told = this.#tell(run, steps, { question, foreseen });
    const ends = run.steps.flatMap((step) =>
      isTerminal(step.status) ? [] : [foreseen.times.get(taskId(run, step))?.endMs ?? null],
    );
    return {
      runId: run.facts.id,
      status: run.status,
      at: momentOf(this.#around.clock.now()) as string,
      source: 'owner',
      endAt: ends.includes(null)
        ? null
        : momentOf(Math.max(this.#around.clock.now(), ...(ends as number[]))),
      bottleneck: foreseen.bottleneck,
      steps: told,
    };
  }

  #foresee(past: Past | null, watch: string | null): Forecast {
    const around = this.#around;
    const { scheduler, clock } = around;
    const tasks = new Tasks({ around, experience: this.#experience, past });
    return forecast({
      now: clock.now(),
      tasks: tasks.all,
      limits: scheduler.limits,
      runLimits: scheduler.runLimits,
      served: scheduler.served,
      gates: new BrokerGates(around, (task) => tasks.callerOf(task)),
      held: tasks.held,
      ...(watch !== null && { watch }),
    });
  }

  #tell(
    run: Run,
    steps: readonly Step[],
    { question, foreseen }: { readonly question: Question; readonly foreseen: Forecast },
  ): readonly ExplainedStep[] {
    const around = this.#around;
    const lineUp = new LineUp(around);
    const items = new Map<Step, Waiting>();
    for (const item of around.scheduler.values()) items.set(item.step, item);
    return steps.map((step) => {
      const doer = isPoint(step) ? null : doerOf(run, step, around);
      const expected =
        doer && this.#experience.expected(doer.registered.name, doer.mode, question.past ?? null);
      const bytes = expected?.turns[0]?.bytes ?? 0;
      const key = question.keys?.get(step.id) ?? null;
      const item = items.get(step) ?? null;
      const blockers = blockersOf(factsOf({ run, step, doer, item, bytes, key }, around, lineUp));
      const times = foreseen.times.get(taskId(run, step));
      return {
        id: step.id,
        path: pathOf(step),
        kind: step.kind,
        agent: doer?.registered.name ?? null,
        status: step.status,
        isFollowUp: step.isAsking,
        blockers: question.step === undefined ? blockers : withLifted(blockers, foreseen.ifLifted),
        startAt: momentOf(times?.startMs ?? null),
        endAt: momentOf(times?.endMs ?? null),
      };
    });
  }
}

/** Whether a step has not ended and does not run. */
function waits({ status, isAsking }: Step): boolean {
  return isAsking || (!isTerminal(status) && status !== 'running');
}

/** @throws STEP_UNKNOWN */
function stepAt(run: Run, path: string): Step {
  const { node, itemKey } = readPath(path);
  const step = run.steps.find((each) => each.node === node && each.itemKey === itemKey);
  if (step) return step;
  throw new EngineError('STEP_UNKNOWN', `Run ${run.facts.id} has no step '${path}'.`);
}

function withLifted(
  blockers: readonly StepBlocker[],
  lifted: readonly LiftedStart[],
): readonly ExplainedBlocker[] {
  return blockers.map((blocker) => {
    const start = lifted.find((each) => isSame(blocker, each));
    return { ...blocker, ifLifted: momentOf(start?.startMs ?? null) };
  });
}

/** Whether a forecast's obstacle is a blocker: holds of the step itself go by other names there. */
function isSame(blocker: StepBlocker, { kind, name }: LiftedStart): boolean {
  switch (blocker.kind) {
    case 'dependency':
    case 'items':
      return kind === 'dependency';
    case 'paused':
    case 'retry':
    case 'review':
    case 'approval':
    case 'budget_approval':
    case 'event':
    case 'version':
    case 'batch':
      return kind === 'wait';
    case 'running':
    case 'run':
    case 'module':
    case 'queue':
      return kind === blocker.kind;
    case 'owner':
      return false;
    default:
      return kind === blocker.kind && name === blocker.scope;
  }
}
