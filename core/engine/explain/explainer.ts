import type { Clock } from '../../base/clock.ts';
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

/** What an explainer looks at. */
export interface ExplainerParts extends Surroundings {
  /** Lets start what may: between two ticks whatever waits is kept by something. */
  readonly changed: () => void;
}

/**
 * After an answer that took longer than this, milliseconds, the next one waits nine times as long, and the same question gets the
 * same answer: looking ahead holds up the engine. Measured: 30 ms for 500 steps, 500 ms for 10,000.
 */
const dearMs = 50;

/**
 * Says of an engine's own runs what each waiting step waits for and when it should start: facts of this moment, and a forecast
 * over forks of its scheduler's limits and its gates. Everything is of one moment, between two ticks.
 */
export class Explainer {
  readonly #around: ExplainerParts;
  readonly #experience: Experience;
  #last: { readonly asked: string; readonly until: number; readonly told: Explanation } | null =
    null;

  constructor(around: ExplainerParts) {
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

  /** Milliseconds until a question may be asked without holding up the engine for too much of its time. */
  restMs(runId: string, { step }: Question): number {
    const last = this.#last;
    if (!last || last.asked === nameOf(runId, step)) return 0;
    return Math.max(0, last.until - this.#around.clock.monotonic());
  }

  /** What the waiting steps of a run wait for; null when this engine does not own it. @throws STEP_UNKNOWN */
  explain(runId: string, question: Question = {}): Explanation | null {
    const run = this.#around.runs.get(runId);
    if (!run) return null;
    const { clock, changed } = this.#around;
    const begunAt = clock.monotonic();
    const asked = nameOf(runId, question.step);
    if (this.#last?.asked === asked && begunAt < this.#last.until) return this.#last.told;
    changed();
    const told = this.#explain(run, question);
    const endedAt = clock.monotonic();
    const tookMs = endedAt - begunAt;
    this.#last = tookMs > dearMs ? { asked, until: endedAt + 9 * tookMs, told } : null;
    return told;
  }

  #explain(run: Run, question: Question): Explanation {
    const around = { ...this.#around, clock: frozen(this.#around.clock) };
    const watched = question.step === undefined ? null : stepAt(run, question.step);
    const foreseen = this.#foresee(around, question.past ?? null, watched && taskId(run, watched));
    const timesOf = (step: Step) => foreseen.times.get(taskId(run, step));
    const open = run.steps.filter(({ status }) => !isTerminal(status));
    const ends = open.map((step) => timesOf(step)?.endMs ?? Number.POSITIVE_INFINITY);
    const now = around.clock.now();
    const tell = this.#teller(run, { around, question, foreseen });
    return {
      runId: run.facts.id,
      status: run.status,
      at: momentOf(now) as string,
      source: 'owner',
      endAt: momentOf(ends.reduce((last, end) => Math.max(last, end), now)),
      bottleneck: foreseen.bottleneck,
      steps: (watched ? [watched] : open).filter(waits).map(tell),
    };
  }

  #foresee(around: Surroundings, past: Past | null, watch: string | null): Forecast {
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

  #teller(run: Run, { around, question, foreseen }: Telling): (step: Step) => ExplainedStep {
    const lineUp = new LineUp(around);
    const items = new Map<Step, Waiting>();
    for (const item of around.scheduler.values()) items.set(item.step, item);
    return (step) => {
      const doer = isPoint(step) ? null : doerOf(run, step, around);
      const expected = doer && this.#experience.expected(doer, question.past ?? null);
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
    };
  }
}

function nameOf(runId: string, step: string | undefined): string {
  return `${runId} ${step ?? ''}`;
}

/** What steps are told of with. */
interface Telling {
  readonly around: Surroundings;
  readonly question: Question;
  readonly foreseen: Forecast;
}

/** A clock that stands at this moment: what is told is of one. */
function frozen(clock: Clock): Clock {
  const [now, monotonic] = [clock.now(), clock.monotonic()];
  return { now: () => now, monotonic: () => monotonic, after: () => () => {} };
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
    case 'child':
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
