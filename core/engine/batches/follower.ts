import type { Clock } from '../../base/clock.ts';
import { EngineError, type ErrorData, isEngineError, toErrorData } from '../../base/errors.ts';
import type { BatchItem, BatchResult, BatchState } from '../../ports/models/batch/batch.ts';
import type { Batch } from './batch.ts';
import type { BatchCall } from './calls.ts';
import type { Requests } from './requests.ts';

/** When calls that a provider did not take may go by another batch, milliseconds from now. */
export interface BatchRetry {
  readonly afterMs: number;
}

/** How a batch ended, and whether that tells what its calls have cost: then what has no result was not billed. */
export interface BatchEnd {
  readonly state: BatchState['state'] | 'lost';
  readonly isKnown: boolean;
}

/** What comes of a batch, as it becomes known. */
export interface BatchEvents {
  /** A line about it, for the journal. */
  note(batch: Batch, kind: string, data: Readonly<Record<string, unknown>>): void;
  /** What became of a call: one that a step waits for, or one that was settled in full before. */
  answered(batch: Batch, call: BatchCall, result: BatchResult): void;
  /** Calls that cost nothing, because the provider does not have them: they go again, by a batch or directly. */
  unsent(batch: Batch, retry: BatchRetry | null, error: ErrorData): void;
  /** Its results are read, or will never be. */
  ended(batch: Batch, end: BatchEnd): void;
  /** The time for its calls is over, and nobody knows what became of them. */
  late(batch: Batch): void;
}

/** What batches are followed with. */
export interface FollowerParts {
  readonly clock: Clock;
  readonly requests: Requests;
  readonly events: BatchEvents;
  /** Ids of batches that are known, so that no search looks into them. */
  readonly known: () => ReadonlySet<string>;
  /** Whether this engine surely holds its lease. */
  readonly isOwned: () => boolean;
  /** Whether somebody has stopped what a call is for. */
  readonly isStopped: (call: BatchCall) => boolean;
}

/** How long after a submission was given up its request may still arrive at the provider. */
const arrivalMs = 120_000;
const firstLookMs = 10_000;
const longestLookMs = 60_000;
/** How long a batch that was asked to stop gets to end, before its calls are made directly all the same. */
const lingerMs = 120_000;
const leaseLookMs = 1_000;
const lingerLookMs = 5_000;
/** How long a provider that takes no batch now is left alone, unless it says. */
const busyMs = 60_000;
/** How long the results of a batch are waited for after its time: providers end a batch within a day. */
const memoryMs = 26 * 3_600_000;

/** Follows batches: submits them or finds them again, asks how they stand, stops them in time and reads what was answered. */
export class Follower {
  readonly #parts: FollowerParts;
  readonly #stopping = new AbortController();

  constructor(parts: FollowerParts) {
    this.#parts = parts;
  }

  /** Follows a batch to its end; with `items` it is submitted first, without it may have been. */
  follow(batch: Batch, items: readonly BatchItem[] | null): void {
    this.#follow(batch, items).catch((error: unknown) => {
      if (this.#isStopped) return;
      // First what its calls count: whoever takes the run over in between goes on to look for it, and does not send them again as unsent.
      this.#parts.events.ended(batch, { state: 'lost', isKnown: false });
      this.#gone(batch, 'lost', toErrorData(error).code);
    });
  }

  /** Calls nobody any more; what is under way is left to the next owner. */
  stop(): void {
    this.#stopping.abort(new EngineError('ENGINE_STOPPED', 'The engine was stopped.'));
  }

  get #isStopped(): boolean {
    return this.#stopping.signal.aborted;
  }

  get #signal(): AbortSignal {
    return this.#stopping.signal;
  }

  async #follow(batch: Batch, items: readonly BatchItem[] | null): Promise<void> {
    const { clock, events } = this.#parts;
    const late = () => {
      batch.look();
      // What may still be read in time is waited for; without an id there is nothing to stop and nothing to read.
      if (batch.id === null) events.late(batch);
    };
    const overdue = () => events.late(batch);
    const leftMs = batch.untilMs - clock.now();
    const timers = [
      clock.after(Math.max(0, leftMs), late),
      clock.after(Math.max(0, leftMs) + lingerMs, overdue),
    ];
    try {
      const isThere = batch.id !== null || (await this.#place(batch, items));
      if (!isThere) return;
      const end = await this.#end(batch);
      await this.#read(batch, end);
    } finally {
      for (const cancel of timers) cancel();
    }
  }

  /** Brings the batch to the provider; false: it is not there, and what follows from that has been said. */
  async #place(batch: Batch, items: readonly BatchItem[] | null): Promise<boolean> {
    const { events, isOwned, isStopped } = this.#parts;
    this.#signal.throwIfAborted();
    if (items === null) return await this.#find(batch);
    const wanted = items.filter(({ id }) => batch.open.has(id));
    if (wanted.length === 0) {
      this.#gone(batch, 'withdrawn');
      return false;
    }
    // Whoever has lost its runs must not pay for them.
    while (!isOwned()) await this.#sleep(batch, leaseLookMs);
    if ([...batch.open.values()].some((call) => isStopped(call))) return this.#stopped(batch);
    const { batches } = batch.target;
    try {
      const { id } = await batches.submit(wanted, { mark: batch.mark, signal: this.#signal });
      this.#placed(batch, id, {});
      return true;
    } catch (error) {
      if (this.#isStopped) throw error;
      const mayExist = !isEngineError(error) || error.details?.mayExist === true;
      if (mayExist) return await this.#find(batch, this.#parts.clock.now());
      const data = toErrorData(error);
      this.#gone(batch, 'refused', data.code);
      events.unsent(batch, this.#retryOf(data), data);
      return false;
    }
  }

  /** Between its plan and its submission a database may have been away: nothing is sent, and its calls wait for the stop's end. */
  #stopped(batch: Batch): false {
    const error = { code: 'STOPPED', message: 'It was stopped before it was sent.' } as const;
    this.#gone(batch, 'refused', error.code);
    this.#parts.events.unsent(batch, null, error);
    return false;
  }

  #placed(batch: Batch, id: string, data: Readonly<Record<string, unknown>>): void {
    batch.id = id;
    this.#parts.events.note(batch, 'batch.submitted', { mark: batch.mark, id, ...data });
  }

  #gone(batch: Batch, state: string, code?: string): void {
    const data = { mark: batch.mark, state, ...(code !== undefined && { code }) };
    this.#parts.events.note(batch, 'batch.ended', data);
    if (state === 'withdrawn') this.#parts.events.ended(batch, { state: 'failed', isKnown: true });
  }

  #retryOf({ code, details }: ErrorData): BatchRetry | null {
    if (code !== 'MODEL_RATE_LIMITED') return null;
    return { afterMs: Number(details?.retryAfterMs ?? busyMs) };
  }

  /**
   * Looks for a batch whose submission was interrupted, until it is found or surely not there. `givenUpAt`: of one that took long the
   * request may have left long after it was planned.
   */
  async #find(batch: Batch, givenUpAt = batch.plannedAt): Promise<boolean> {
    const { events, clock } = this.#parts;
    const { batches } = batch.target;
    for (let delayMs = firstLookMs; ; delayMs = Math.min(delayMs * 1.5, longestLookMs)) {
      const options = { signal: this.#signal, not: this.#parts.known() };
      // A list tells of the moment when it was asked for, however long its answer takes.
      const askedAt = clock.now();
      const found = await this.#ask(() => batches.find(batch.mark, batch.plannedAt, options));
      if (found === 'absent' && askedAt - givenUpAt >= arrivalMs) {
        const error = { code: 'MODEL_UNAVAILABLE', message: 'Its submission was lost.' } as const;
        this.#gone(batch, 'absent');
        events.unsent(batch, { afterMs: 0 }, error);
        return false;
      }
      if (typeof found === 'object' && found !== null) {
        this.#placed(batch, found.id, { found: true });
        return true;
      }
      if (clock.now() > batch.untilMs + memoryMs) throw lost(batch);
      await this.#sleep(batch, delayMs);
    }
  }

  /** Waits for the end of the batch; stops it when its time is over or nobody waits for it. */
  async #end(batch: Batch): Promise<BatchState> {
    const { clock, events } = this.#parts;
    const { batches } = batch.target;
    const id = batch.id as string;
    const call = { signal: this.#signal };
    for (let delayMs = firstLookMs; ; delayMs = Math.min(delayMs * 1.5, longestLookMs)) {
      const isLate = clock.now() >= batch.untilMs;
      if (!batch.isCancelled && (isLate || batch.open.size === 0)) {
        const asked = await this.#ask(async () => {
          await batches.cancel(id, call);
          return true;
        });
        batch.isCancelled = asked === true;
        const reason = isLate ? 'deadline' : 'withdrawn';
        if (asked) events.note(batch, 'batch.cancelling', { mark: batch.mark, id, reason });
      }
      const state = await this.#ask(() => batches.state(id, call));
      if (state && state.state !== 'working') return state;
      if (clock.now() > batch.untilMs + memoryMs) throw lost(batch);
      await this.#sleep(batch, batch.isCancelled ? Math.min(delayMs, lingerLookMs) : delayMs);
    }
  }

  async #read(batch: Batch, end: BatchState): Promise<void> {
    const { events, clock } = this.#parts;
    const { state, counts } = end;
    if (end.state === 'failed') {
      const error = toErrorData(end.error);
      events.note(batch, 'batch.ended', { mark: batch.mark, state, code: error.code, counts });
      return events.unsent(batch, this.#retryOf(error), error);
    }
    for (let delayMs = firstLookMs; ; delayMs = Math.min(delayMs * 1.5, longestLookMs)) {
      const read = await this.#ask(async () => {
        for await (const result of this.#results(batch)) {
          const call = batch.open.get(result.id) ?? batch.left.get(result.id);
          if (call) events.answered(batch, call, result);
        }
        return true;
      }, 'MODEL_REPLY_INVALID');
      if (read === null && clock.now() <= batch.untilMs + memoryMs) {
        await this.#sleep(batch, delayMs);
        continue;
      }
      // What plans learn from: how long a batch takes that nothing stopped.
      const { model } = batch.target;
      const took = state === 'ended' && { model, durationMs: clock.now() - batch.plannedAt };
      events.ended(batch, { state, isKnown: read === true });
      return events.note(batch, 'batch.ended', { mark: batch.mark, state, counts, ...took });
    }
  }

  #results(batch: Batch): AsyncIterable<BatchResult> {
    return batch.target.batches.results(batch.id as string, {
      signal: this.#signal,
      requestOf: (id) => {
        const call = batch.open.get(id) ?? batch.left.get(id);
        return call && this.#parts.requests.of(call).catch(() => undefined);
      },
    });
  }

  /**
   * Asks the provider; null when it says nothing now. @throws MODEL_UNKNOWN: it has no such batch, or keeps it no longer; ENGINE_STOPPED
   * `final`: a failure that asking again does not mend: false.
   */
  async #ask<T>(call: () => Promise<T>, final?: string): Promise<T | null | false> {
    try {
      return await call();
    } catch (error) {
      if (this.#isStopped) throw error;
      const { code } = toErrorData(error);
      if (code === final) return false;
      if (code === 'MODEL_UNKNOWN') throw error;
      return null;
    }
  }

  async #sleep(batch: Batch, ms: number): Promise<void> {
    const { clock } = this.#parts;
    const { promise, resolve } = Promise.withResolvers<void>();
    const cancel = clock.after(ms, resolve);
    const wake = (): void => resolve();
    batch.look = wake;
    this.#signal.addEventListener('abort', wake);
    await promise;
    this.#signal.removeEventListener('abort', wake);
    cancel();
    this.#signal.throwIfAborted();
  }
}

function lost({ mark }: Batch): EngineError {
  return new EngineError('MODEL_UNAVAILABLE', `Nothing was heard of batch ${mark} for a day.`);
}
