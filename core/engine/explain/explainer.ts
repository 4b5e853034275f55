import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { Pace, type Pieces } from '../../base/pieces.ts';
import type { DispatchEvents } from '../../ports/dispatcher.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { readPath, type Step } from '../run/step.ts';
import { BrokerGates, ForecastClock, type Held } from '../schedule/broker-gates.ts';
import type { Forecast, ForecastInput } from '../schedule/expected-work.ts';
import { foreseeing } from '../schedule/forecast.ts';
import { Doers } from './doers.ts';
import { Experience } from './experience.ts';
import { type AwaitedEffect, type Explanation, momentOf, usuallyTold } from './explanation.ts';
import { Foresight } from './foresight.ts';
import type { Past } from './past.ts';
import type { Surroundings } from './surroundings.ts';
import { Tasks, taskId } from './tasks.ts';
import { type Foreseen, Teller } from './teller.ts';

/** What somebody wants to know of a run, and what the rows say that memory does not. */
export interface Question {
  /** The path of one step. @default all that wait */
  readonly step?: string | undefined;
  /** How many steps are told of at most. @default usuallyTold */
  readonly limit?: number | undefined;
  /** What earlier runs say. @default null: nothing */
  readonly past?: Past | null;
  /** Effects that steps wait for people to settle or approve, by step. @default none */
  readonly effects?: ReadonlyMap<number, AwaitedEffect>;
  /** Runs that steps have started and that have not ended, by step. @default none */
  readonly runs?: ReadonlyMap<number, readonly string[]>;
}

/** What an explainer looks at. */
export interface ExplainerParts extends Surroundings {
  /** Lets start what may. */
  readonly changed: () => void;
}

/** Says what was seen at a moment, with when everything should start. */
type Tell<T> = (foreseen: Foreseen) => T;

/** What is foreseen of a run that waits for people. */
const nothing: Foreseen = { times: new Map(), ifLifted: [], bottleneck: null };

/**
 * Says of an engine's own runs what each waiting step waits for and when it should start: facts of this moment, and a forecast
 * over forks of its scheduler's limits and its gates. With few steps everything is of one moment, between two ticks; with so many that looking
 * ahead is dear, the times are those of the last look. Nobody looks ahead for a run that waits for people alone.
 */
export class Explainer {
  readonly #around: ExplainerParts;
  readonly #experience: Experience;
  readonly #foresight: Foresight;

  constructor(around: ExplainerParts) {
    this.#around = around;
    this.#experience = new Experience(around.attempts, around.clock);
    this.#foresight = new Foresight(around.clock, () => {
      let steps = 0;
      for (const run of around.runs.values()) steps += run.steps.length;
      return steps;
    });
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
  async explain(runId: string, question: Question = {}): Promise<Explanation | null> {
    const run = this.#around.runs.get(runId);
    if (!run) return null;
    const { past = null, step } = question;
    const watched = step === undefined ? null : stepAt(run, step);
    if (!watched && run.status === 'waiting')
      return this.#see(run, question, this.#atOneMoment())(nothing);
    const again = () => this.#foresee(past, () => () => null);
    for (;;) {
      const foreseen = watched ? null : this.#foresight.lately(past, again);
      if (foreseen) return this.#see(run, question, this.#atOneMoment())(foreseen);
      const { going } = this.#foresight;
      if (!going) break;
      // It may bring what is asked for.
      await going;
    }
    const see = (around: Surroundings) => this.#see(run, question, around);
    const looking = () => this.#foresee(past, see, watched && taskId(run, watched));
    return (await this.#foresight.look(past, looking)).told;
  }

  /** Looks ahead over everything, and tells of what was seen at the moment from which it does: what is in the way then is what it lifts. */
  *#foresee<T>(
    past: Past | null,
    see: (around: Surroundings) => Tell<T>,
    watch: string | null = null,
  ): Pieces<{ readonly foreseen: Forecast; readonly told: T }> {
    const pace = new Pace();
    const begun = this.#atOneMoment();
    const doers = new Doers({ around: begun, experience: this.#experience, past });
    const tasks = new Tasks({ around: begun, experience: this.#experience, past, doers });
    yield* tasks.gather(pace);
    const around = pace.hasPaused ? this.#atOneMoment() : begun;
    const tell = see(around);
    const foreseen = yield* foreseeing(forecastOf(tasks, around, watch), pace);
    return { foreseen, told: tell(foreseen) };
  }

  #see(run: Run, question: Question, around: Surroundings): Tell<Explanation> {
    const { past = null, step, limit = usuallyTold } = question;
    const { effects = new Map(), runs = new Map() } = question;
    const watched = step === undefined ? null : stepAt(run, step);
    const doers = new Doers({ around, experience: this.#experience, past });
    const open = run.steps.filter(({ status }) => !isTerminal(status));
    const now = around.clock.now();
    const teller = new Teller({ run, around, doers, effects, runs, isAlone: watched !== null });
    const { status } = run;
    const waiting = (watched ? [watched] : open).filter((each) => teller.waits(each));
    const seen = waiting.slice(0, limit).map((each) => teller.see(each));
    return (foreseen) => {
      const ends = open.map((each) => endOf(foreseen, taskId(run, each)));
      return {
        runId: run.facts.id,
        status,
        at: momentOf(now) as string,
        source: 'owner',
        endAt: momentOf(ends.reduce((last, end) => Math.max(last, end), now)),
        bottleneck: foreseen.bottleneck,
        steps: seen.map((each) => teller.tell(each, foreseen)),
        more: waiting.length - seen.length,
      };
    };
  }

  /** What is around, once all has started that may: between two ticks whatever waits is kept by something. */
  #atOneMoment(): Surroundings {
    // The moment before: what was refused then is refused at that moment, whatever time does meanwhile.
    const around = atOneMoment(this.#around);
    this.#around.changed();
    return around;
  }
}

function endOf({ times }: Foreseen, task: string): number {
  return times.get(task)?.endMs ?? Number.POSITIVE_INFINITY;
}

/** What a forecast begins with, which nobody changes any more. */
function forecastOf(tasks: Tasks, around: Surroundings, watch: string | null): ForecastInput<Held> {
  const { scheduler } = around;
  const clock = new ForecastClock(around.clock);
  return {
    now: clock.now(),
    tasks: tasks.at(around),
    limits: scheduler.limits,
    runLimits: new Map(scheduler.runLimits),
    served: new Map(scheduler.served),
    gates: new BrokerGates({
      broker: around.broker.fork(clock),
      breakers: around.breakers.fork(clock),
      clock,
      callerOf: (task) => tasks.callerOf(task),
    }),
    held: tasks.held,
    ...(watch !== null && { watch }),
  };
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
