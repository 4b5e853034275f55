import type pg from 'pg';
import { crashPoint } from '../../base/crash-point.ts';
import { EngineError } from '../../base/errors.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import { type FlushRow, flushSql } from './flush.ts';
import { flushParameters, type StepRow, stepRows } from './flush-rows.ts';
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
  /** A flush is durable: whoever follows these runs may read on. Called before those who wait for the flush. */
  committed?(changes: readonly Change[]): void;
}

/** A change that waits for its flush, and who is told when it is durable. */
interface Written {
  readonly change: Change;
  readonly durable: ((flushed: Flushed) => void) | undefined;
}

/** What one statement writes beside the changes, and the answers that its commit will give. */
interface Flush {
  readonly rows: readonly StepRow[];
  readonly told: (() => void)[];
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
  #gathered: Written[] = [];
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
    this.#gathered.push({ change, durable });
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
        const written = this.#gathered;
        this.#gathered = [];
        const told = await this.#commit(written);
        crashPoint('after-flush');
        this.#events.committed?.(written.map(({ change }) => change));
        for (const tell of told) tell();
      }
    } catch (error) {
      this.#failed = true;
      this.#events.failed(translateDbError(error));
    } finally {
      this.#flushing = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  /**
   * Writes everything that had gathered; returns what to tell whom. A step's row is what the step was when the flush began, and
   * goes down once, with the last of its changes: what happens meanwhile belongs to the next flush.
   */
  async #commit(written: readonly Written[]): Promise<readonly (() => void)[]> {
    const rows = stepRows(written.map(({ change }) => change));
    const last = new Map(written.map(({ change }, index) => [change.step, index]));
    const told: (() => void)[] = [];
    for (let from = 0; from < written.length; from += largestFlush) {
      const part = written.slice(from, from + largestFlush);
      const ends = ({ change }: Written, index: number) => last.get(change.step) === from + index;
      const steps = new Set(part.filter(ends).map(({ change }) => change.step));
      await this.#send(part, { rows: rows.filter(({ step }) => steps.has(step)), told });
    }
    return told;
  }

  async #send(written: readonly Written[], flush: Flush): Promise<void> {
    const changes = written.map(({ change }) => change);
    const values = flushParameters(this.#boot, changes, flush.rows);
    crashPoint('before-flush');
    try {
      const result = await this.#client.query<FlushRow>({ name: 'flush', text: flushSql, values });
      const row = result.rows[0] as FlushRow;
      checkFlush(row, flush.rows.length);
      const newEffects = new Set((row.new_effects ?? []).map((key) => key.toString('hex')));
      const flushed = { admitted: row.admitted, newEffects };
      for (const { durable } of written) if (durable) flush.told.push(() => durable(flushed));
      this.counts.flushes += 1;
      this.counts.changes += changes.length;
    } catch (error) {
      if (!refusal.test((error as { code?: string }).code ?? '')) throw error;
      await this.#bisect(written, flush, error);
    }
  }

  /** Finds the step whose rows are refused by halving; the others are written. Changes of one step stay together, in order. */
  async #bisect(written: readonly Written[], { rows, told }: Flush, cause: unknown): Promise<void> {
    const groups = [...Map.groupBy(written, ({ change }) => change.step ?? change.run).values()];
    if (groups.length === 1) {
      const message = `The database refused what this step wrote: ${translateDbError(cause).message}`;
      const { change } = written[0] as Written;
      this.#events.rejected(change, new EngineError('JOURNAL_REJECTED', message, { cause }));
      return;
    }
    const half = Math.ceil(groups.length / 2);
    for (const part of [groups.slice(0, half).flat(), groups.slice(half).flat()]) {
      const steps = new Set(part.map(({ change }) => change.step));
      await this.#send(part, { rows: rows.filter(({ step }) => steps.has(step)), told });
    }
  }
}

function checkFlush(row: FlushRow, steps: number): void {
  if (row.alive === 0)
    throw new EngineError(
      'ENGINE_FENCED',
      'Another engine has taken over the runs of this one; it stops.',
    );
  if (row.steps !== steps)
    throw new EngineError(
      'INTERNAL',
      `A flush wrote ${row.steps} of ${steps} step rows; this is a defect in Tutti.`,
    );
}

/** Planner settings of the journal's connection: plans must not depend on statistics that a fresh database lacks. */
export const journalSettings = `SET plan_cache_mode = force_generic_plan; SET enable_seqscan = off; SET enable_hashjoin = off;
  SET enable_mergejoin = off; SET enable_bitmapscan = off; SET jit = off`;
