import type { Clock } from '../../base/clock.ts';
import type { ErrorCode } from '../../base/errors.ts';
import { PRICES_VERSION } from '../../ports/models/prices.ts';
import type { ModelProfile } from '../../sdk/agent.ts';
import type { RegisteredAgent } from '../../sdk/registry.ts';
import { nextEntry } from '../journal/entries.ts';
import type { Flushed, Journal } from '../journal/journal.ts';
import type { Body, CallState, SettleRow } from '../journal/rows.ts';
import type { Budget, Reservation } from '../limits/budget.ts';
import type { BudgetWatch } from '../limits/budget-watch.ts';
import { periodOf } from '../limits/purse.ts';
import { stepLimits } from '../loop/step-limits.ts';
import type { Run } from '../run/run.ts';
import { pursesOf, stepScope } from '../run/run-purses.ts';
import { isTerminal } from '../run/states.ts';
import type { Step } from '../run/step.ts';
import type { BatchTarget } from './targets.ts';

/** A model call that goes by a batch, from its reservation to its settlement; its step waits for it. */
export interface BatchCall {
  readonly run: Run;
  readonly step: Step;
  /** Number of its `turn.started`; in decimal, its id in the batch. */
  readonly seq: number;
  /** Its place in the step's conversation, from 1. */
  readonly turn: number;
  readonly profile: ModelProfile;
  /** Null: the model is no longer configured, and nobody can ask for its batch. */
  readonly target: BatchTarget | null;
  readonly model: string;
  readonly priceVersion: number;
  readonly boundMicroUsd: number;
  /** The purses that pay, widest first. */
  readonly scopes: readonly string[];
  readonly reservation: Reservation;
  readonly state: CallState;
  readonly startedAt: number;
}

/** A call that is about to go by a batch. */
export interface Caller {
  readonly run: Run;
  readonly step: Step;
  readonly registered: RegisteredAgent;
  readonly target: BatchTarget;
  /** UTF-8 bytes of its request. */
  readonly bytes: number;
}

/** A reserved call of an engine that is gone, as the journal has it. */
export interface StoredCall {
  readonly step: number;
  readonly seq: number;
  readonly model: string;
  readonly priceVersion: number;
  readonly reservedMicroUsd: number;
  readonly turn: number;
  readonly profile: ModelProfile;
  readonly period: string;
  readonly module: string;
  readonly startedAt: number;
}

/** How a call ended. */
export interface BatchCallEnd {
  readonly state: SettleRow['state'];
  readonly costMicroUsd: number;
  readonly tokens?: unknown;
  /** What its `turn.ended` says besides. */
  readonly data: Readonly<Record<string, unknown>>;
  readonly body?: Body;
}

/** What calls are recorded with. */
export interface CallParts {
  readonly budget: Budget;
  readonly journal: Pick<Journal, 'write'>;
  readonly watch: Pick<BudgetWatch<Run>, 'look'>;
  readonly clock: Clock;
}

/** The money and the journal of calls that go by batches: reserved as the step begins to wait, settled exactly once. */
export class BatchCalls {
  readonly #parts: CallParts;

  constructor(parts: CallParts) {
    this.#parts = parts;
  }

  /** Lets a step wait for its call, with the money for it, or returns null when a purse has too little. */
  begin(caller: Caller, durable: (call: BatchCall, flushed: Flushed) => void): BatchCall | null {
    const { journal, watch, clock, budget } = this.#parts;
    const { run, step, registered, target, bytes } = caller;
    const period = periodOf(clock.now());
    const boundMicroUsd = target.boundMicroUsd(bytes);
    const scopes = this.#openScopes(caller, period);
    if (budget.blocker(scopes, boundMicroUsd)) {
      budget.close(stepScope(run, step));
      return null;
    }
    const { recorded } = step;
    run.wait(step, 'batch');
    step.startedAt ??= clock.now();
    const profile = registered.agent.model ?? 'standard';
    const turn = recorded + 1;
    const goesOn = recorded > 0 ? { recorded } : {};
    const waiting = { step, kind: 'step.waiting', data: { wait: 'batch', ...goesOn } };
    const told = { turn, model: target.model, profile, reservedMicroUsd: boundMicroUsd };
    const started = { ...told, period, module: registered.module, batch: true, at: clock.now() };
    const entries = [
      nextEntry(run, waiting),
      nextEntry(run, { step, kind: 'turn.started', data: started }),
    ];
    const call: BatchCall = {
      ...{ run, step, turn, profile, target, boundMicroUsd, scopes },
      seq: run.seq,
      model: target.model,
      priceVersion: PRICES_VERSION,
      reservation: budget.reserve(scopes, boundMicroUsd),
      state: { phase: 'gathered', isAbandoned: false },
      startedAt: clock.now(),
    };
    const { seq, model, priceVersion, state } = call;
    const row = { call: state, seq, model, priceVersion, reservedMicroUsd: boundMicroUsd };
    const turns = [{ ...row, simulated: false, batch: true }];
    const money = { purses: scopes, reserve: boundMicroUsd, release: 0, settle: 0 };
    journal.write({ run, step, entries, turns, money }, (flushed) => durable(call, flushed));
    watch.look(run, scopes);
    return call;
  }

  /** Takes up a call that another engine has reserved. */
  restore(
    run: Run,
    stored: StoredCall,
    { registered, target }: Pick<BatchCall, 'target'> & Pick<Caller, 'registered'>,
  ): BatchCall {
    const { budget } = this.#parts;
    const step = run.steps[stored.step] as Step;
    const { period, module, reservedMicroUsd: boundMicroUsd } = stored;
    const scopes = this.#openScopes({ run, step, registered, module }, period);
    return {
      ...{ run, step, target, boundMicroUsd, scopes },
      ...stored,
      step,
      reservation: budget.inherit(scopes, boundMicroUsd),
      state: { phase: 'durable', isAbandoned: false },
    };
  }

  /** Ends a call whose reservation is durable. */
  end(call: BatchCall, { state, costMicroUsd, tokens, data, body }: BatchCallEnd): void {
    const { budget, journal, watch, clock } = this.#parts;
    const { run, step, turn, scopes, boundMicroUsd } = call;
    budget.settle(call.reservation, costMicroUsd);
    budget.close(stepScope(run, step));
    step.costMicroUsd += costMicroUsd;
    const durationMs = clock.now() - call.startedAt;
    const told = {
      turn,
      batch: true,
      durationMs,
      ...(tokens !== undefined && { tokens }),
      ...data,
    };
    const entry = nextEntry(run, {
      step,
      kind: 'turn.ended',
      data: { ...told, costMicroUsd, state },
      ...(body && { body }),
    });
    const settles = [rowOf(call, { state, costMicroUsd, tokens })];
    const money = { purses: scopes, reserve: 0, release: boundMicroUsd, settle: costMicroUsd };
    journal.write({ run, step, entries: [entry], settles, money });
    watch.look(run, scopes);
  }

  /** What a call that was settled in full has cost after all. Its run may have ended by now. */
  correct(call: BatchCall, costMicroUsd: number, tokens?: unknown): void {
    const { budget, journal } = this.#parts;
    const { run, step, seq, turn, scopes, boundMicroUsd } = call;
    const moved = costMicroUsd - boundMicroUsd;
    budget.settle({ scopes, microUsd: 0 }, moved);
    const isOpen = !isTerminal(step.status);
    if (isOpen) step.costMicroUsd += moved;
    const data = { turn, seq, costMicroUsd };
    const entries = isTerminal(run.status)
      ? []
      : [nextEntry(run, { step, kind: 'turn.corrected', data })];
    const settles = [rowOf(call, { state: 'settled', costMicroUsd, tokens })];
    const money = { purses: scopes, reserve: 0, release: 0, settle: moved };
    journal.write({ run, step: isOpen ? step : null, entries, settles, money });
  }

  /** Gives back what a call has reserved of which nothing was written. */
  drop({ run, step, reservation }: BatchCall): void {
    this.#parts.budget.settle(reservation, 0);
    this.#parts.budget.close(stepScope(run, step));
  }

  #openScopes(
    caller: Pick<Caller, 'run' | 'step' | 'registered'> & { readonly module?: string },
    period: string,
  ): readonly string[] {
    const { run, step, registered, module = registered.module } = caller;
    const own = stepScope(run, step);
    this.#parts.budget.open(own, stepLimits(step.place, registered.agent).costMicroUsd, {
      settledMicroUsd: step.costMicroUsd,
    });
    return [...pursesOf(run, module, period), own];
  }
}

function rowOf(
  { seq, model, priceVersion, boundMicroUsd }: BatchCall,
  end: Pick<BatchCallEnd, 'state' | 'costMicroUsd' | 'tokens'>,
): SettleRow {
  const { state, costMicroUsd, tokens = null } = end;
  return { seq, model, priceVersion, reservedMicroUsd: boundMicroUsd, state, costMicroUsd, tokens };
}

/** A call that was not made: it costs nothing. */
export function nothingSpent(code: ErrorCode): BatchCallEnd {
  return { state: 'released', costMicroUsd: 0, data: { error: code } };
}

/** A call of which nobody knows what it has cost. */
export function unknownSpent(
  { boundMicroUsd }: BatchCall,
  code: ErrorCode = 'MODEL_UNAVAILABLE',
): BatchCallEnd {
  return { state: 'estimated', costMicroUsd: boundMicroUsd, data: { error: code } };
}
