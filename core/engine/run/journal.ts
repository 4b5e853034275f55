import type pg from 'pg';
import { crashPoint } from '../../base/crash-point.ts';
import { EngineError, toErrorData } from '../../base/errors.ts';
import { type FlushRow, flushParameters, flushSql } from './flush.ts';
import type { Change } from './rows.ts';

/** What a flush brought to those who wait for it. */
export interface Flushed {
  /** false: a shared budget had too little left for the turns of this flush; none of them was written. */
  readonly admitted: boolean;
  /** Keys (hex) of effects that nobody had recorded before. */
  readonly newEffects: ReadonlySet<string>;
}

/** What the journal reports by itself. */
export interface JournalEvents {
  /** Another engine has taken over, or the database is gone for good: nothing more can be recorded. */
  failed(error: EngineError): void;
  /** The database refused rows of one step; they are dropped and the step must fail. */
  rejected(change: Change, error: EngineError): void;
}

const largestFlush = 1_000;
// Values that the database cannot take: data exception, integrity violation, program limit. Anything else is the server's state.
const refusal = /^(22|23|54)/;

/**
 * The run journal's writer: group commit. Changes gather in memory while a flush is in flight and go down together with the
 * next; there is no timer, so a lone change leaves at once and a crowd shares one commit. Only the owner of the runs writes.
 */
export class Journal {
  readonly #client: pg.Client;
  readonly #boot: string;
  readonly #events: JournalEvents;
  #gathered: Change[] = [];
  #waiting: ((flushed: Flushed) => void)[] = [];
  #flushing = false;
  #failed = false;
  #idle: (() => void)[] = [];
  /** Flushes so far, and rows of changes in them. */
  readonly counts = { flushes: 0, changes: 0 };

  constructor(client: pg.Client, boot: string, events: JournalEvents) {
    this.#client = client;
    this.#boot = boot;
    this.#events = events;
  }

  /** Takes a change into the next flush; `durable` runs once it is committed, and never if the journal fails. */
  write(change: Change, durable?: (flushed: Flushed) => void): void {
    this.#gathered.push(change);
    if (durable) this.#waiting.push(durable);
    if (!this.#flushing && !this.#failed) {
      this.#flushing = true;
      // What arrives in this tick shares the first flush.
      setImmediate(() => void this.#loop());
    }
  }

  /** Resolves when everything written so far is committed (or the journal has failed). */
  settled(): Promise<void> {
    if (!this.#flushing) return Promise.resolve();
    return new Promise((resolve) => this.#idle.push(resolve));
  }

  async #loop(): Promise<void> {
    try {
      while (this.#gathered.length > 0 && !this.#failed) {
        const changes = this.#gathered;
        const waiting = this.#waiting;
        this.#gathered = [];
        this.#waiting = [];
        const flushed = await this.#commit(changes);
        crashPoint('after-flush');
        for (const durable of waiting) durable(flushed);
      }
    } catch (error) {
      this.#failed = true;
      this.#events.failed(
        error instanceof EngineError
          ? error
          : new EngineError('INTERNAL', toErrorData(error).message, { cause: error }),
      );
    } finally {
      this.#flushing = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  async #commit(changes: readonly Change[]): Promise<Flushed> {
    const newEffects = new Set<string>();
    let admitted = true;
    for (let from = 0; from < changes.length; from += largestFlush) {
      const part = await this.#send(changes.slice(from, from + largestFlush), newEffects);
      admitted &&= part;
    }
    return { admitted, newEffects };
  }

  async #send(changes: readonly Change[], newEffects: Set<string>): Promise<boolean> {
    const { values, steps } = flushParameters(this.#boot, changes);
    crashPoint('before-flush');
    try {
      const result = await this.#client.query<FlushRow>({ name: 'flush', text: flushSql, values });
      const row = result.rows[0] as FlushRow;
      if (row.alive === 0)
        throw new EngineError(
          'ENGINE_FENCED',
          'Another engine has taken over the runs of this one; it stops.',
        );
      if (row.steps !== steps) {
        throw new EngineError(
          'INTERNAL',
          `A flush wrote ${row.steps} of ${steps} step rows; this is a defect in Tutti.`,
        );
      }
      for (const key of row.new_effects ?? []) newEffects.add(key.toString('hex'));
      this.counts.flushes += 1;
      this.counts.changes += changes.length;
      return row.admitted;
    } catch (error) {
      if (!refusal.test((error as { code?: string }).code ?? '')) throw error;
      return this.#bisect(changes, newEffects, error);
    }
  }

  /** Finds the step whose rows are refused by halving; the others are written. Changes of one step stay together, in order. */
  async #bisect(
    changes: readonly Change[],
    newEffects: Set<string>,
    cause: unknown,
  ): Promise<boolean> {
    const groups = [...Map.groupBy(changes, (change) => change.step ?? change.run).values()];
    if (groups.length === 1) {
      const message = `The database refused what this step wrote: ${toErrorData(cause).message}.`;
      this.#events.rejected(
        changes[0] as Change,
        new EngineError('JOURNAL_REJECTED', message, { cause }),
      );
      return true;
    }
    const half = Math.ceil(groups.length / 2);
    const first = await this.#send(groups.slice(0, half).flat(), newEffects);
    const second = await this.#send(groups.slice(half).flat(), newEffects);
    return first && second;
  }
}

/** Planner settings of the journal's connection: plans must not depend on statistics that a fresh database lacks. */
export const journalSettings = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off`;
