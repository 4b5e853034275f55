import type { ErrorCode, ErrorData } from '../../../core/base/errors.ts';
import type { Job, PermitAsk, TurnDone } from '../../../core/ports/dispatcher.ts';
import type { Usage } from '../../../core/ports/models/model.ts';
import { type Choose, modelsOf, outputTokens } from './agents.ts';
import type { Dice } from './dice.ts';
import type { Outside, ProviderCall, Trouble } from './outside.ts';

/** What a job's calls are made with. */
export interface CallWorld {
  readonly boot: string;
  readonly outside: Outside;
  readonly now: () => number;
  readonly choose: Choose;
  /** Of which model the engine permitted the call that a job makes now. */
  readonly grantOf: (job: Job) => string;
  /** Once in so many calls a provider is too busy, or away. */
  readonly habits: { readonly refuse: number; readonly ill: number };
}

/** Delays of a call that is asked for again grow like this, in milliseconds; the longest for a number of failures. */
const firstDelayMs = 500;
const nothing: Usage = { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 };

/** The model calls of one job, turn by turn: a call that fails for now is asked for again, and the engine decides. */
export class ModelCalls {
  /** Turns with an answer. */
  turns: number;
  /** The last question. */
  ask: PermitAsk = { bytes: 0 };
  /** Calls of the turn under way that ended because their provider was away, and because it was busy. */
  timesAway = 0;
  timesBusy = 0;
  /** Of the call that failed last. */
  failedModel = '';
  target: number;
  readonly #job: Job;
  readonly #world: CallWorld;
  /** When the longest delay that the question may be given is over; null: it is given none. */
  #delayedUntil: number | null = null;
  #failed: ErrorData | null = null;
  #call: ProviderCall | null = null;

  constructor(job: Job, world: CallWorld) {
    this.#job = job;
    this.#world = world;
    this.turns = job.recorded.length;
    this.target = job.target ?? 0;
  }

  /** The next question: for a turn of its own, or for the call that has failed. */
  question(dice: Dice): PermitAsk {
    const { now } = this.#world;
    const failed = this.#failed;
    this.#failed = null;
    const isDelayed = failed?.code === 'MODEL_UNAVAILABLE';
    const tries = isDelayed ? this.timesAway : this.timesBusy;
    if (failed) this.ask = { bytes: this.ask.bytes, failed: { error: failed, tries } };
    else this.ask = { bytes: 200 + dice.below(2_000) };
    if (!failed) this.#beginTurn();
    this.#delayedUntil = isDelayed ? now() + longestDelayMs(failed, tries) : null;
    return this.ask;
  }

  make(dice: Dice): void {
    const { boot, outside, now, grantOf, choose } = this.#world;
    const { runId, ref, agent, stepPath } = this.#job;
    const model = modelsOf(agent, choose)[this.target] ?? 'none';
    const granted = grantOf(this.#job);
    if (granted !== model)
      outside.astray.push(`${stepPath} calls ${model}, permitted is ${granted}`);
    this.#call = { boot, model, runId, ref, madeAt: now(), usage: usageBy(dice), open: true };
    outside.calls.push(this.#call);
  }

  /** Ends the call under way; `cancelled`: nobody waits for it any more. Returns the failure that ends the attempt, if it does. */
  end(
    dice: Dice,
    cancelled: ErrorData | null,
  ): { readonly done: TurnDone; readonly fatal: ErrorData | null } {
    const call = this.close() as ProviderCall;
    const error = cancelled ?? this.#failure(dice);
    const isLost = error !== null && (error.code === 'MODEL_REFUSED' || dice.once(8));
    const sent = !isLost || error.code === 'MODEL_RATE_LIMITED';
    const done = {
      turn: this.turns + 1,
      model: call.model,
      usage: error ? null : call.usage,
      stop: error ? 'error' : 'tools',
      sent,
      durationMs: 1,
    };
    if (!sent) this.#world.outside.forget(call);
    if (error) return this.#fail(call, { ...done, error });
    this.turns += 1;
    this.#beginTurn();
    const quota = dice.once(10) ? { requests: { remaining: 0, resetMs: 4_000 } } : undefined;
    if (quota) this.#note(call, { kind: 'used up', until: call.madeAt + 4_000 });
    return { done: { ...done, body: '[]', ...(quota && { quota }) }, fatal: null };
  }

  /** Its process is gone, or its thread: the provider goes on without it. */
  close(): ProviderCall | null {
    const call = this.#call;
    this.#call = null;
    if (call) call.open = false;
    return call;
  }

  /** Whether the last question surely lies in the engine's queue, whatever delay it was given. */
  get isQueued(): boolean {
    return this.#delayedUntil === null || this.#world.now() > this.#delayedUntil;
  }

  #beginTurn(): void {
    this.timesAway = 0;
    this.timesBusy = 0;
    this.#failed = null;
  }

  #failure(dice: Dice): ErrorData | null {
    const { refuse, ill } = this.#world.habits;
    if (dice.once(refuse)) return busy(dice.pick([null, 300, 5_000, 30_000]));
    if (dice.once(ill)) return failureOf('MODEL_UNAVAILABLE');
    return dice.once(40) ? failureOf('MODEL_REFUSED') : null;
  }

  #fail(
    call: ProviderCall,
    done: TurnDone & { readonly error: ErrorData },
  ): { readonly done: TurnDone; readonly fatal: ErrorData | null } {
    const { code, details } = done.error;
    this.failedModel = call.model;
    const now = this.#world.now();
    if (code === 'MODEL_RATE_LIMITED') {
      call.usage = nothing;
      this.timesBusy += 1;
      this.#note(call, { kind: 'busy', until: now + Number(details?.retryAfterMs ?? 0) });
    } else if (code === 'MODEL_UNAVAILABLE') {
      this.timesAway += 1;
      this.#note(call, { kind: 'away', until: now });
    } else return { done, fatal: done.error };
    this.#failed = done.error;
    return { done, fatal: null };
  }

  #note({ boot, model }: ProviderCall, what: Pick<Trouble, 'kind' | 'until'>): void {
    this.#world.outside.troubles.push({ boot, model, at: this.#world.now(), ...what });
  }
}

function longestDelayMs({ details }: ErrorData, tries: number): number {
  return Number(details?.retryAfterMs ?? 0) + firstDelayMs * 2 ** (tries - 1) + 1;
}

function busy(retryAfterMs: number | null): ErrorData {
  const said = retryAfterMs === null ? {} : { retryAfterMs };
  return { ...failureOf('MODEL_RATE_LIMITED'), details: { status: 429, ...said } };
}

export function failureOf(code: ErrorCode): ErrorData {
  return { code, message: 'it happened' };
}

function usageBy(dice: Dice): Usage {
  const input = 1 + dice.below(900);
  const output = 1 + dice.below(outputTokens);
  return { input, cachedInput: 0, cacheWrite: 0, output, reasoning: 0 };
}
