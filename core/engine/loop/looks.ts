import type { Clock } from '../../base/clock.ts';
import { type ErrorData, errorRow } from '../../base/errors.ts';
import type { EntryInput } from '../journal/entries.ts';
import { mostFailures, type Tries } from '../recovery/ladder.ts';
import { retryDelayMs } from '../recovery/retry.ts';
import type { Run } from '../run/run.ts';
import type { Step } from '../run/step.ts';
import { innocentDelayMs, isInnocent } from './failures.ts';

/** Whose looks are repeated. */
interface Looking {
  readonly run: Run;
  readonly step: Step;
}

/** What looks are repeated with. */
export interface LooksParts {
  readonly clock: Clock;
  readonly note: (run: Run, entry: EntryInput) => void;
  /** Something may start that could not. */
  readonly changed: () => void;
}

/**
 * What the engine looks at by itself for a step, and for no agent: the rows of a foreach, from where events count, whether one has come. A look that
 * fails is repeated: for what says nothing about the step at no cost, for what may pass by the catalogue as often as any step is tried. Each
 * that counts is an entry, so that whoever takes the run over goes on counting; it looks at once.
 */
export class Looks {
  readonly #parts: LooksParts;
  /** Calls off the next look of a step. */
  readonly #next = new WeakMap<Step, () => void>();

  constructor(parts: LooksParts) {
    this.#parts = parts;
  }

  /** Looks again after a while, of a run that is paused once that goes on; false: the step has failed for good. */
  again({ run, step }: Looking, error: ErrorData, look: () => Promise<void>): boolean {
    const { clock, note } = this.#parts;
    const next = nextLook(error, step.tries);
    if (!next) return false;
    if (next.tries !== step.tries) {
      step.tries = next.tries;
      const wakeAt = clock.now() + next.delayMs;
      const data = { code: error.code, strategy: 'retry', ...next.tries, wakeAt };
      note(run, { step, kind: 'step.retrying', data });
    }
    this.#arm({ run, step }, next.delayMs, look);
    return true;
  }

  /** Somebody looks now: nobody else is to. */
  callOff(step: Step): void {
    this.#next.get(step)?.();
    this.#next.delete(step);
  }

  #arm({ run, step }: Looking, delayMs: number, look: () => Promise<void>): void {
    const { clock, changed } = this.#parts;
    this.callOff(step);
    const awake = (): void => {
      if (run.isPaused) this.#arm({ run, step }, innocentDelayMs, look);
      else void look().then(changed);
    };
    this.#next.set(step, clock.after(delayMs, awake));
  }
}

/** When to look again, and the tries with the one that has failed; null: never. @param random uniform in [0, 1) */
export function nextLook(
  error: ErrorData,
  tries: Tries,
  random: number = Math.random(),
): { readonly delayMs: number; readonly tries: Tries } | null {
  if (isInnocent(error)) return { delayMs: innocentDelayMs, tries };
  const failures = tries.failures + 1;
  if (!errorRow(error.code).retryable || failures >= mostFailures) return null;
  const delayMs = Math.ceil(retryDelayMs({}, { failures, random, failure: error }));
  return { delayMs, tries: { failures, rule: 0, rung: 0, rungFailures: failures } };
}
