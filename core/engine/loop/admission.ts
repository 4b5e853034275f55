import type { Clock } from '../../base/clock.ts';
import { toErrorData } from '../../base/errors.ts';
import type { Breakers } from '../limits/breaker.ts';
import type { Quotas } from '../limits/quotas.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import type { Scheduler } from '../schedule/scheduler.ts';
import { erpBreaker, usesErp } from './attempts.ts';
import type { Failure } from './failures.ts';
import { Kept } from './kept.ts';
import type { Launcher } from './launcher.ts';
import type { Turns } from './turns.ts';
import type { Startable, Waiting } from './waiting.ts';

/** While others decide when work may start again, it is looked at after this long at the latest, milliseconds. */
const longestLookMs = 1_000;
/** Looks are no closer than this, milliseconds. */
const shortestLookMs = 10;

/** What work is admitted with. */
export interface AdmissionParts {
  readonly scheduler: Scheduler<Waiting>;
  readonly breakers: Breakers;
  /** Calls of tools and of the ERP that wait for their limits. */
  readonly quotas: Quotas;
  readonly turns: Turns;
  readonly launcher: Launcher;
  readonly clock: Clock;
  /** Time may have lifted what was in the way: looks again. */
  readonly changed: () => void;
  /** An attempt could not be started. */
  readonly failed: (run: Run, step: Step, failure: Failure) => void;
}

/**
 * Joint admission: work starts with everything that it needs, or holds nothing of it: a slot of the engine, its run and its
 * module; a model call that its gates, purses and breaker allow; an ERP that is well. Looks again when something was given back
 * or time will have lifted what is in the way.
 */
export class Admission {
  readonly #parts: AdmissionParts;
  #cancelLook: () => void = () => {};

  constructor(parts: AdmissionParts) {
    this.#parts = parts;
  }

  /** Starts what can start. `isDraining`: only conversations under way go on. */
  look(isDraining: boolean): void {
    const { quotas, clock } = this.#parts;
    let pass = this.#pass(isDraining);
    while (pass.isMissed) pass = this.#pass(isDraining);
    this.stop();
    quotas.grantWaiting();
    const waitMs = sooner(pass.waitMs, quotas.waitMs());
    if (waitMs === null) return;
    this.#cancelLook = clock.after(Math.max(waitMs, shortestLookMs), this.#parts.changed);
  }

  /** Looks no more by itself. */
  stop(): void {
    this.#cancelLook();
    this.#cancelLook = () => {};
  }

  /**
   * Goes over the queue once. `waitMs`: when what was refused is worth another look; `isMissed`: something was passed over for a
   * conversation that has lost its slot to another start since.
   */
  #pass(isDraining: boolean): { readonly waitMs: number | null; readonly isMissed: boolean } {
    const { scheduler, clock } = this.#parts;
    let waitMs: number | null = null;
    // Conversations are looked at before anything new.
    const kept = new Kept();
    const admits = (item: Waiting): boolean => {
      if (item.kind === 'start' && (isDraining || kept.from(item))) return false;
      const refused = this.#refusalOf(item);
      if (!refused) return true;
      if (item.kind === 'turn') kept.keep(item, refused);
      waitMs = sooner(waitMs, refused.waitMs);
      return false;
    };
    scheduler.take(clock.now(), admits, (item) => this.#begin(item));
    return { waitMs, isMissed: kept.drop(scheduler) };
  }

  /** What else than slots keeps work from starting, with when to look again. */
  #refusalOf(item: Waiting): ReturnType<Turns['refusalOf']> {
    const { launcher, breakers, turns } = this.#parts;
    const registered = launcher.agentOf(item.step);
    const isErpNew = item.kind === 'start' && usesErp(registered);
    const refused = isErpNew ? breakers.refusal(erpBreaker) : null;
    if (refused)
      return {
        waitMs: refused.untilMs ?? longestLookMs,
        scope: erpBreaker,
        blocker: 'breaker',
      };
    return item.wish && turns.refusalOf(item, registered);
  }

  #begin(item: Waiting): void {
    if (item.kind === 'turn') this.#parts.turns.grant(item);
    else this.#start(item);
  }

  #start(item: Startable): void {
    try {
      this.#parts.launcher.start(item);
    } catch (error) {
      const failure = { error: toErrorData(error), onModel: item.onModel };
      this.#parts.failed(item.owner, item.step, failure);
    }
  }
}

/** The sooner of two moments, of which null is none. */
function sooner(a: number | null, b: number | null): number | null {
  return a === null || b === null ? (a ?? b) : Math.min(a, b);
}
