import type { ErrorData } from '../../../core/base/errors.ts';
import type { Change } from '../../../core/engine/run/rows.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import { modelsOf, timeoutOf } from './agents.ts';
import type { SimEngine } from './engine.ts';
import type { Accuse, Seen } from './seen.ts';
import type { SimThread } from './thread.ts';

const minuteMs = 60_000;
/** A minute's window is longer by this, with the grain that it counts in. */
const slackMs = 2_000;
/** Calls of one turn that may find their provider away, and that may be turned away because it is busy. */
const mostAway = 3;
const mostBusy = 20;
/** Failed calls of a model that may be made again in a minute: so many, and a fifth of its calls. */
const retriesAlways = 10;
const retriesShare = 0.2;

interface Asked {
  readonly boot: string;
  readonly model: string;
  readonly at: number;
}

/** A call that was permitted, made or not. It counts from when it may leave. */
interface Granted extends Asked {
  readonly where: string;
  at: number;
}

/** I16 and the time of attempts: what becomes of calls that fail for now, and of conversations that wait. */
export class Calls {
  readonly #world: Seen;
  readonly #accuse: Accuse;
  readonly #granted: Granted[] = [];
  /** Calls that were asked for again because their provider was away. */
  readonly #retries: Asked[] = [];

  constructor(world: Seen, accuse: Accuse) {
    this.#world = world;
    this.#accuse = accuse;
  }

  /** A job has asked, and waits, or has got its call already, unless it was denied. */
  asked({ boot }: SimEngine, { phase, job, calls }: SimThread): void {
    if (calls.ask.failed?.error.code !== 'MODEL_UNAVAILABLE' || phase !== 'asking') return;
    const { choose } = this.#world.setup;
    const [model = ''] = modelsOf(job.agent, choose);
    const at = this.#world.clock.now();
    this.#retries.push({ boot, model, at });
    if (calls.timesAway >= mostAway)
      this.#accuse('I16', `${job.stepPath} makes a call again after ${calls.timesAway} failures`);
    if (choose !== null) return;
    const made = countOf(this.#granted, { boot, model, at: at - minuteMs - slackMs });
    const again = countOf(this.#retries, { boot, model, at: at - minuteMs });
    if (again > retriesAlways + Math.floor(made * retriesShare))
      this.#accuse('I16', `${again} calls of ${model} are made again in a minute, of ${made}`);
  }

  denied(engine: SimEngine, { job, calls }: SimThread, { code, details }: ErrorData): void {
    const { setup, clock } = this.#world;
    const { boot } = engine;
    const { failed } = calls.ask;
    const why = `${job.stepPath} is denied a call: ${code}`;
    // Who was given up hears what became of its call, and is not heard any more.
    if (engine.isStopped) return;
    if (code === 'BREAKER_OPEN' && setup.breaker !== null) return;
    if (code === 'BUDGET_EXCEEDED') {
      const isOwn = String(details?.scope).startsWith('step:');
      if (!isOwn && setup.dailyBudgetMicroUsd === undefined) this.#accuse('I4', why);
      return;
    }
    if (code !== failed?.error.code) return this.#accuse('I16', `${why}, it had not failed so`);
    if (code === 'MODEL_RATE_LIMITED' && failed.tries < mostBusy) this.#accuse('I16', why);
    if (code !== 'MODEL_UNAVAILABLE' || failed.tries >= mostAway) return;
    const [model = ''] = modelsOf(job.agent, setup.choose);
    const again = countOf(this.#retries, { boot, model, at: clock.now() - minuteMs - slackMs });
    if (again < retriesAlways)
      this.#accuse('I16', `${why} after ${failed.tries} of ${mostAway}, ${again} others were not`);
  }

  /** The time of an attempt stands still while it waits for a call. */
  timedOut(_engine: SimEngine, { job, worked }: SimThread): void {
    const limitMs = timeoutOf(job.agent);
    if (worked.ms < limitMs)
      this.#accuse('I10', `${job.stepPath} is ended after ${worked.ms} of ${limitMs} ms`);
  }

  changed({ boot }: SimEngine, { run, step, turns = [], entries = [] }: Change): void {
    const at = this.#world.clock.now();
    for (const { model } of turns) {
      const where = `${run.facts.id} ${step ? pathOf(step) : ''}`;
      this.#granted.push({ boot, model, at, where });
      for (const trouble of this.#world.outside.troubles)
        if (trouble.boot === boot && trouble.model === model && at < trouble.until)
          this.#accuse('I16', `${model} is asked ${trouble.until - at} ms before it wants to be`);
    }
    for (const { kind, data } of entries)
      if (kind === 'step.retrying' && data.code === 'MODEL_RATE_LIMITED')
        this.#accuse('I16', `step ${step?.id} has failed because a provider was busy`);
  }

  sent({ boot }: SimEngine, { runId, stepPath }: Job): void {
    const where = `${runId} ${stepPath}`;
    const own = this.#granted.findLast((each) => each.boot === boot && each.where === where);
    if (own) own.at = this.#world.clock.now();
  }

  /** Calls of a model that an engine has permitted in the last minute. */
  recent({ boot }: SimEngine, model: string): number {
    return countOf(this.#granted, {
      boot,
      model,
      at: this.#world.clock.now() - minuteMs - slackMs,
    });
  }

  look(): void {
    const { engine, outside } = this.#world;
    for (const what of outside.astray) this.#accuse('I5', what);
    if (!engine.isAlive) return;
    for (const { job, worked, cancelled } of engine.threads.values())
      if (!cancelled && worked.ms > timeoutOf(job.agent))
        this.#accuse('I10', `${job.stepPath} has worked for ${worked.ms} ms, and goes on`);
  }

  /** Whether a model is kept back by what its provider said, or may be: it follows that for a while. */
  isTroubled(engine: SimEngine, model: string): boolean {
    const { boot } = engine;
    const { clock, outside, setup } = this.#world;
    const now = clock.now();
    const own = outside.troubles.filter((each) => each.boot === boot && each.model === model);
    const counts = own.filter(({ kind }) => kind !== 'away' || setup.breaker !== null);
    if (counts.some(({ at, until }) => Math.max(at, until) > now - minuteMs - slackMs)) return true;
    // Calls are spread evenly from a refusal on until some time after the next answer, whenever that comes.
    const wasBusy = own.some(({ kind }) => kind === 'busy');
    return wasBusy && this.recent(engine, model) > 0;
  }
}

/** How many there are of a model and an engine since a moment, which does not belong to it. */
function countOf(all: readonly Asked[], { boot, model, at }: Asked): number {
  return all.filter((each) => each.boot === boot && each.model === model && each.at > at).length;
}
