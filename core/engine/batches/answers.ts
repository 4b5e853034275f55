import type { Clock } from '../../base/clock.ts';
import { type ErrorData, toErrorData } from '../../base/errors.ts';
import { toStorableJson } from '../../base/text.ts';
import type { BatchResult } from '../../ports/models/batch/batch.ts';
import type { ModelReply } from '../../ports/models/model.ts';
import { nextEntry } from '../journal/entries.ts';
import type { Journal } from '../journal/journal.ts';
import type { Failure } from '../loop/failures.ts';
import type { Next } from '../run/next.ts';
import type { Run } from '../run/run.ts';
import { isTerminal } from '../run/states.ts';
import { move, type Step } from '../run/step.ts';
import { type Batch, itemId } from './batch.ts';
import {
  type BatchCall,
  type BatchCallEnd,
  type BatchCalls,
  nothingSpent,
  unknownSpent,
} from './calls.ts';
import { type EligibleParts, isInTime, sinceOf } from './eligible.ts';
import type { BatchEnd, BatchEvents, BatchRetry } from './follower.ts';

/** What is done to a step that waits for a batch, as the run loop does it. */
export interface WaitEvents {
  /** Gives back what a running step holds. */
  free(run: Run, step: Step): void;
  follow(run: Run, next: readonly Next[]): void;
  /** It goes on: its reply is recorded, or its call is to be made directly. */
  wake(run: Run, step: Step): void;
  failed(run: Run, step: Step, failure: Failure): void;
  cancelled(run: Run, step: Step): void;
  /** Something was given back that may let other work start. */
  changed(): void;
}

/** What answers are heard with. */
export interface AnswerParts {
  readonly calls: BatchCalls;
  readonly journal: Pick<Journal, 'write'>;
  readonly clock: Clock;
  readonly eligible: EligibleParts;
  readonly events: WaitEvents;
  /** A call that the provider does not have joins another batch. */
  readonly gather: (call: BatchCall, afterMs: number) => void;
}

/** The calls whose steps wait for batches, and what becomes of each: its answer, its failure, or a direct call in its place. */
export class Answers implements BatchEvents {
  readonly #parts: AnswerParts;
  readonly #waiting = new Map<Step, BatchCall>();
  readonly #batchOf = new Map<BatchCall, Batch>();
  readonly #batches = new Set<Batch>();
  /** Steps whose calls are made directly from now on. */
  readonly #direct = new WeakSet<Step>();

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  /** The steps that wait. */
  get steps(): Iterable<Step> {
    return this.#waiting.keys();
  }

  /** Ids of the batches that are out. */
  get ids(): ReadonlySet<string> {
    return new Set([...this.#batches].flatMap(({ id }) => id ?? []));
  }

  wait(call: BatchCall): void {
    this.#waiting.set(call.step, call);
  }

  callOf(step: Step): BatchCall | undefined {
    return this.#waiting.get(step);
  }

  isWaiting(call: BatchCall): boolean {
    return this.#waiting.get(call.step) === call;
  }

  /** Whether a call is in a batch, or on its way into one. */
  batchOf(call: BatchCall): Batch | undefined {
    return this.#batchOf.get(call);
  }

  isDirect(step: Step): boolean {
    return this.#direct.has(step);
  }

  keepDirect(step: Step): void {
    this.#direct.add(step);
  }

  add(batch: Batch): void {
    this.#batches.add(batch);
    for (const call of batch.open.values()) this.#batchOf.set(call, batch);
  }

  /** Nobody waits for a call any more. */
  forget(call: BatchCall): void {
    if (this.isWaiting(call)) this.#waiting.delete(call.step);
    this.#batchOf.delete(call);
  }

  /** Ends a call, and lets its step make it directly. */
  goDirect(call: BatchCall, end: BatchCallEnd): void {
    this.forget(call);
    this.#parts.calls.end(call, end);
    this.wakeDirect(call);
  }

  wakeDirect({ run, step }: BatchCall): void {
    this.#direct.add(step);
    this.#parts.events.wake(run, step);
  }

  /** Nobody waits for a call that the provider may have: it counts in full until its cost is known. */
  giveUp(batch: Batch, call: BatchCall): void {
    this.forget(call);
    batch.open.delete(itemId(call));
    batch.left.set(itemId(call), call);
    this.#parts.calls.end(call, unknownSpent(call));
    if (batch.open.size === 0) batch.look();
  }

  note({ run }: Batch, kind: string, data: Readonly<Record<string, unknown>>): void {
    // The last line of a run is its end.
    if (isTerminal(run.status)) return;
    const entry = nextEntry(run, { step: null, kind, data });
    this.#parts.journal.write({ run, step: null, entries: [entry] });
  }

  answered(batch: Batch, call: BatchCall, result: BatchResult): void {
    const isOpen = batch.open.delete(itemId(call));
    batch.left.delete(itemId(call));
    const { calls } = this.#parts;
    if ('reply' in result) {
      const { usage } = result.reply;
      const costMicroUsd = batch.target.costMicroUsd(usage);
      if (isOpen) this.#finish(call, result.reply, costMicroUsd);
      else calls.correct(call, costMicroUsd, usage);
      return;
    }
    const error = toErrorData(result.error);
    // An answer that cannot be read was given, and is billed; what a provider failed to answer is not.
    const isBilled = error.code === 'MODEL_REPLY_INVALID';
    const end = isBilled ? unknownSpent(call, error.code) : nothingSpent(error.code);
    if (!isOpen) {
      if (!isBilled) calls.correct(call, 0);
    } else if (['MODEL_UNAVAILABLE', 'MODEL_RATE_LIMITED'].includes(error.code))
      this.goDirect(call, end);
    else this.#fail(call, end, error);
  }

  unsent(batch: Batch, retry: BatchRetry | null, { code }: ErrorData): void {
    const { run, target } = batch;
    this.#close(batch, true);
    const open = [...batch.open.values()];
    const at = this.#parts.clock.now() + (retry?.afterMs ?? 0);
    const plan = { target, rounds: 1, at, since: sinceOf(open) };
    const again = retry && isInTime(run, plan, this.#parts.eligible);
    for (const call of open) {
      this.#batchOf.delete(call);
      if (again) this.#parts.gather(call, retry.afterMs);
      else this.goDirect(call, nothingSpent(code));
    }
    batch.open.clear();
  }

  ended(batch: Batch, { state, isKnown }: BatchEnd): void {
    const { clock, eligible } = this.#parts;
    if (state === 'ended' && batch.left.size === 0)
      eligible.times.observe(batch.target, clock.now() - batch.plannedAt);
    this.#close(batch, isKnown);
    for (const call of batch.open.values())
      this.goDirect(call, isKnown ? nothingSpent('MODEL_UNAVAILABLE') : unknownSpent(call));
    batch.open.clear();
  }

  late(batch: Batch): void {
    for (const call of [...batch.open.values()]) {
      this.giveUp(batch, call);
      this.wakeDirect(call);
    }
  }

  /** The reply is part of the conversation: the step goes on from it as after a crash. */
  #finish(call: BatchCall, { stop, usage, parts }: ModelReply, costMicroUsd: number): void {
    const { run, step } = call;
    const body = { class: 'model', text: toStorableJson(parts) } as const;
    this.forget(call);
    step.recorded += 1;
    const end = { state: 'settled', costMicroUsd, tokens: usage, data: { stop }, body } as const;
    this.#parts.calls.end(call, end);
    this.#parts.events.wake(run, step);
  }

  #fail(call: BatchCall, end: BatchCallEnd, error: ErrorData): void {
    const { calls, clock, events } = this.#parts;
    const { run, step } = call;
    this.forget(call);
    calls.end(call, end);
    this.#direct.add(step);
    // As a step that runs and holds no slot, which is what fails elsewhere.
    run.wake(step, clock.now());
    move(step, 'running');
    step.isAsking = true;
    events.failed(run, step, { error, onModel: true });
    events.changed();
  }

  /** Nothing more will be heard of a batch. What was settled in full and is known to be unanswered has cost nothing. */
  #close(batch: Batch, isKnown: boolean): void {
    this.#batches.delete(batch);
    if (isKnown) for (const call of batch.left.values()) this.#parts.calls.correct(call, 0);
    batch.left.clear();
  }
}
