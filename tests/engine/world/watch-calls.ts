import type { ErrorData } from '../../../core/base/errors.ts';
import type { Change } from '../../../core/engine/journal/rows.ts';
import { pathOf } from '../../../core/engine/run/step.ts';
import type { Job } from '../../../core/ports/dispatcher.ts';
import { timeoutOf } from './agents.ts';
import type { SimEngine } from './engine.ts';
import type { Trouble } from './outside.ts';
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

/** A call that was permitted, made or not. It counts from when it left, or ended and may have left. */
interface Granted extends Asked {
  readonly where: string;
  at: number;
  isHeld: boolean;
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
    const { failedModel: model } = calls;
    const at = this.#world.clock.now();
    this.#retries.push({ boot, model, at });
    if (calls.timesAway >= mostAway)
      this.#accuse('I16', `${job.stepPath} makes a call again after ${calls.timesAway} failures`);
    const made = countOf(this.#granted, { boot, model, at: at - minuteMs - slackMs });
    const again = countOf(this.#retries, { boot, model, at: at - minuteMs });
    if (again > retriesAlways + Math.floor(made * retriesShare))
      this.#accuse('I16', `${again} calls of ${model} are made again in a minute, of ${made}`);
  }

  denied(engine: SimEngine, { job, calls }: SimThread, { code, details }: ErrorData): void {
    const { setup, clock } = this.#world;
    const { boot } = engine;
    const { ask, timesAway, timesBusy, failedModel: model } = calls;
    const why = `${job.stepPath} is denied a call: ${code}`;
    // Who was given up hears what became of its call, and is not heard any more.
    if (engine.isStopped) return;
    if (code === 'BREAKER_OPEN' && setup.breaker !== null) return;
    if (code === 'BUDGET_EXCEEDED') {
      const isOwn = String(details?.scope).startsWith('step:');
      if (!isOwn && setup.dailyBudgetMicroUsd === undefined) this.#accuse('I4', why);
      return;
    }
    if (code !== ask.failed?.error.code) return this.#accuse('I16', `${why}, it had not failed so`);
    if (code === 'MODEL_RATE_LIMITED' && timesBusy < mostBusy) this.#accuse('I16', why);
    if (code !== 'MODEL_UNAVAILABLE' || timesAway >= mostAway) return;
    const again = countOf(this.#retries, { boot, model, at: clock.now() - minuteMs - slackMs });
    if (again < retriesAlways)
      this.#accuse('I16', `${why} after ${timesAway} of ${mostAway}, ${again} others were not`);
  }

  /** The time of an attempt stands still while it waits for a call. */
  timedOut(_engine: SimEngine, { job, worked }: SimThread): void {
    const limitMs = timeoutOf(job.agent);
    if (worked.ms < limitMs)
      this.#accuse('I10', `${job.stepPath} is ended after ${worked.ms} of ${limitMs} ms`);
  }

  changed(
    { boot }: SimEngine,
    { run, step, turns = [], settles = [], entries = [] }: Change,
  ): void {
    const at = this.#world.clock.now();
    const where = `${run.facts.id} ${step ? pathOf(step) : ''}`;
    if (settles.length > 0) this.#left(boot, where);
    for (const { model } of turns) {
      this.#granted.push({ boot, model, at, where, isHeld: true });
      for (const trouble of this.#world.outside.troubles)
        if (trouble.boot === boot && trouble.model === model && at < trouble.until)
          this.#accuse('I16', `${model} is asked ${trouble.until - at} ms before it wants to be`);
    }
    for (const { kind, data } of entries)
      if (kind === 'step.retrying' && data.code === 'MODEL_RATE_LIMITED')
        this.#accuse('I16', `step ${step?.id} has failed because a provider was busy`);
  }

  sent({ boot }: SimEngine, { runId, stepPath }: Job): void {
    this.#left(boot, `${runId} ${stepPath}`);
  }

  #left(boot: string, where: string): void {
    const own = this.#granted.findLast((each) => each.boot === boot && each.where === where);
    if (!own?.isHeld) return;
    own.at = this.#world.clock.now();
    own.isHeld = false;
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
    // A busy provider is called evenly until a minute after the refused call has left its window, or after it may be called again.
    const calmAt = ({ kind, at, until }: Trouble): number =>
      kind === 'busy' ? Math.max(at + minuteMs, until) : Math.max(at, until);
    return counts.some((each) => calmAt(each) > now - minuteMs - slackMs);
  }
}

/** How many there are of a model and an engine since a moment, which does not belong to it. */
function countOf(all: readonly Asked[], { boot, model, at }: Asked): number {
  return all.filter((each) => each.boot === boot && each.model === model && each.at > at).length;
}
