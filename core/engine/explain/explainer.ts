import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import type { DispatchEvents } from '../../ports/dispatcher.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { readPath, type Step } from '../run/step.ts';
import { BrokerGates, ForecastClock } from '../schedule/broker-gates.ts';
import type { Forecast } from '../schedule/expected-work.ts';
import { forecast } from '../schedule/forecast.ts';
import { Doers } from './doers.ts';
import { Experience } from './experience.ts';
import { type Explanation, momentOf } from './explanation.ts';
import type { Past } from './past.ts';
import type { Surroundings } from './surroundings.ts';
import { Tasks, taskId } from './tasks.ts';
import { Teller } from './teller.ts';

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
 * same answer: looking ahead holds up the engine. Measured: 30 ms for 500 steps, 250 to 600 ms for 10,000.
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
    // The moment before all starts that may: what was refused then is refused at that moment, whatever time does meanwhile.
    const around = atOneMoment(this.#around);
    changed();
    const told = this.#explain(run, question, around);
    const endedAt = clock.monotonic();
    const tookMs = endedAt - begunAt;
    this.#last = tookMs > dearMs ? { asked, until: endedAt + 9 * tookMs, told } : null;
    return told;
  }

  #explain(run: Run, question: Question, around: Surroundings): Explanation {
    const watched = question.step === undefined ? null : stepAt(run, question.step);
    const { past = null, keys = new Map() } = question;
    const doers = new Doers({ around, experience: this.#experience, past });
    const tasks = new Tasks({ around, experience: this.#experience, past, doers });
    const foreseen = foresee(tasks, around, watched && taskId(run, watched));
    const timesOf = (step: Step) => foreseen.times.get(taskId(run, step));
    const open = run.steps.filter(({ status }) => !isTerminal(status));
    const ends = open.map((step) => timesOf(step)?.endMs ?? Number.POSITIVE_INFINITY);
    const now = around.clock.now();
    const teller = new Teller({ run, around, doers, keys, isAlone: watched !== null, foreseen });
    return {
      runId: run.facts.id,
      status: run.status,
      at: momentOf(now) as string,
      source: 'owner',
      endAt: momentOf(ends.reduce((last, end) => Math.max(last, end), now)),
      bottleneck: foreseen.bottleneck,
      steps: (watched ? [watched] : open)
        .filter((step) => teller.waits(step))
        .map((step) => teller.tell(step)),
    };
  }
}

function foresee(tasks: Tasks, around: Surroundings, watch: string | null): Forecast {
  const { scheduler } = around;
  const clock = new ForecastClock(around.clock);
  return forecast({
    now: clock.now(),
    tasks: tasks.all,
    limits: scheduler.limits,
    runLimits: scheduler.runLimits,
    served: scheduler.served,
    gates: new BrokerGates({
      broker: around.broker.fork(clock),
      breakers: around.breakers.fork(clock),
      clock,
      callerOf: (task) => tasks.callerOf(task),
    }),
    held: tasks.held,
    ...(watch !== null && { watch }),
  });
}

function nameOf(runId: string, step: string | undefined): string {
  return `${runId} ${step ?? ''}`;
}

/** What is around, with clocks that stand still: what is told is of one moment. */
function atOneMoment(around: Surroundings): Surroundings {
  const [now, monotonic] = [around.clock.now(), around.clock.monotonic()];
  const clock: Clock = { now: () => now, monotonic: () => monotonic, after: () => () => {} };
  return {
    ...around,
    clock,
    broker: around.broker.at(clock),
    breakers: around.breakers.fork(clock),
  };
}

/** @throws STEP_UNKNOWN */
function stepAt(run: Run, path: string): Step {
  const { node, itemKey } = readPath(path);
  const step = run.steps.find((each) => each.node === node && each.itemKey === itemKey);
  if (step) return step;
  throw new EngineError('STEP_UNKNOWN', `Run ${run.facts.id} has no step '${path}'.`);
}
