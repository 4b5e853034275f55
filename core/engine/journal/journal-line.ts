import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { drawNumber } from '../../base/drawn.ts';
import { EngineError } from '../../base/errors.ts';
import { dropClient } from '../../ports/db/connection.ts';
import { mayPass, translateDbError } from '../../ports/db/db-error.ts';
import {
  type FlushRow,
  flushFor,
  type ReadBackRow,
  readBackSql,
  type StoredPurse,
} from './flush.ts';
import { FlushWriter, type StepRow } from './flush-rows.ts';
import type { Change } from './rows.ts';

/*
 *   up ── a flush fails or the connection ends ──▶ away: drop, wait 100 ms … 2 s, connect ──▶ up again at the first answer
 *                                                    └── closed, or what waiting does not mend ──▶ the flush throws
 */

/** What one statement writes. */
export interface Flush {
  readonly changes: readonly Change[];
  /** The rows of the steps that go down with it. */
  readonly rows: readonly StepRow[];
}

/** What became of a flush. */
export interface FlushAnswer {
  /** Turns that were not written, because a purse had too little for them: '<run> <seq>'. */
  readonly refused: ReadonlySet<string>;
  /** What the purses that it moved hold since; nothing where the answer was lost. */
  readonly purses: readonly StoredPurse[];
  /** Where effects that nobody had recorded before were begun: '<run> <seq>'. */
  readonly newEffects: ReadonlySet<string>;
}

/** What the line is told with and tells. */
export interface LineParts {
  /** Opens a connection that is ready for flushes. */
  readonly connect: () => Promise<pg.Client>;
  readonly boot: string;
  readonly clock: Clock;
  /** The database is away; told once, until `back`. */
  readonly outage: (error: EngineError) => void;
  readonly back: () => void;
}

const firstDelayMs = 100;
const longestDelayMs = 2_000;
// How long a connection that is given back may take to end.
const endPatienceMs = 1_000;
// Values that the database cannot take: data exception, integrity violation, program limit. Anything else is the server's state.
const refusal = /^(22|23|54)/;

/** Whether the database refused the values of a flush: it rolled all of it back, and would again. */
export function isRefusal(error: unknown): boolean {
  return refusal.test((error as { code?: string }).code ?? '');
}

/**
 * The journal's way to the database: a flush that it takes is written exactly once, however often the connection is lost.
 * One flush at a time. Every flush has a number of its own, which it sets only where its predecessor's stands (`flushSql`);
 * so one whose answer was lost is simply sent again: either this writes it, or it says that it is in, and the answer is read back.
 * Numbers are drawn and not counted: a copy of this process (a cloned machine, a snapshot restored twice) would count alike, and take
 * what its other self has written for its own. This way one of the two finds a number that neither it nor its predecessor has set.
 */
export class JournalLine {
  readonly #parts: LineParts;
  readonly #writer = new FlushWriter();
  #client: pg.Client | null = null;
  #connecting: Promise<pg.Client> | null = null;
  #isSending = false;
  #isAway = false;
  #isClosed = false;
  #delayMs = firstDelayMs;
  #wake: () => void = () => {};
  #committed = 0;

  constructor(parts: LineParts) {
    this.#parts = parts;
  }

  get isAway(): boolean {
    return this.#isAway;
  }

  /** Connects for the first time. @throws DB_UNAVAILABLE · DB_FULL · ENGINE_FENCED */
  async open(): Promise<void> {
    await this.#connected();
  }

  /**
   * Writes a flush, waiting out whatever may pass.
   * @throws ENGINE_FENCED · ENGINE_COPIED · INTERNAL · ENGINE_STOPPED when the line was closed meanwhile · pg's own error for what `isRefusal`
   */
  async send(flush: Flush): Promise<FlushAnswer> {
    const sent = this.#sentOf(flush);
    const answer = await this.#untilAnswered((client) => this.#sendOnce(client, sent));
    this.#committed = sent.no;
    return answer;
  }

  /** Why the database would refuse a flush, pg's own error, or null where it would take it: nothing is written. @throws as `send` */
  async refusalOf(flush: Flush): Promise<unknown | null> {
    const sent = this.#sentOf(flush);
    try {
      await this.#untilAnswered((client) => this.#tryOnce(client, sent));
      return null;
    } catch (error) {
      if (isRefusal(error)) return error;
      throw error;
    }
  }

  /** Gives the connection up; a flush in flight throws ENGINE_STOPPED, and nobody learns whether it got in. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#wake();
    const client = this.#client;
    this.#client = null;
    if (!client) return;
    const cancel = this.#parts.clock.after(endPatienceMs, () => dropClient(client));
    await client.end().catch(() => {});
    cancel();
  }

  #sentOf(flush: Flush): Sent {
    const no = drawNumber();
    const { boot } = this.#parts;
    const rows = this.#writer.parameters(flush.changes, flush.rows);
    return { flush, no, values: [boot, this.#committed, no, ...rows] };
  }

  async #untilAnswered<T>(ask: (client: pg.Client) => Promise<T>): Promise<T> {
    this.#isSending = true;
    try {
      for (;;) {
        try {
          // Without a turn of the event loop where there is one: it is sent before its caller goes on.
          const client = this.#client ?? (await this.#connected());
          const answer = await ask(client);
          this.#answered();
          return answer;
        } catch (error) {
          if (this.#isClosed) throw stopped();
          if (isRefusal(error)) this.#answered();
          if (!mayPass(error)) throw error;
          await this.#lose(error);
        }
      }
    } finally {
      this.#isSending = false;
    }
  }

  /** Sends a flush in a transaction that comes to nothing. */
  async #tryOnce(client: pg.Client, { values }: Sent): Promise<void> {
    await client.query('BEGIN');
    try {
      await client.query<FlushRow>({ ...flushFor(values), values });
    } finally {
      // Where this fails the connection counts as lost: nothing else is to go down within the transaction.
      await client.query('ROLLBACK');
    }
  }

  async #sendOnce(client: pg.Client, { flush, no, values }: Sent): Promise<FlushAnswer> {
    const { rows } = await client.query<FlushRow>({ ...flushFor(values), values });
    const row = rows[0] as FlushRow;
    if (row.alive === 0) throw fenced();
    if (row.marked === 0) return this.#readBack(client, flush, no);
    if (row.steps !== flush.rows.length)
      throw defect(`A flush wrote ${row.steps} of ${flush.rows.length} step rows`);
    const { refused, purses, new_effects: begun } = row;
    return { refused: new Set(refused), purses: purses ?? [], newEffects: new Set(begun) };
  }

  /** What an earlier try of this flush has written: a turn is there with its reservation, or neither is. */
  async #readBack(client: pg.Client, { changes }: Flush, no: number): Promise<FlushAnswer> {
    // Those that were abandoned while they were gathered did not go down.
    const turns = changes.flatMap(({ run, turns = [] }) =>
      turns
        .filter(({ call }) => call.phase !== 'gathered')
        .map(({ seq }) => ({ ...run.facts, seq })),
    );
    const effects = changes.flatMap(({ run, effects = [], effectEnds = [] }) =>
      [...effects, ...effectEnds.filter(({ claim }) => claim)].map(({ key }) => ({
        ...run.facts,
        key: Buffer.from(key, 'hex'),
      })),
    );
    const { rows } = await client.query<ReadBackRow>(readBackSql, [
      this.#parts.boot,
      turns.map(({ tenantId }) => tenantId),
      turns.map(({ id }) => id),
      turns.map(({ seq }) => seq),
      effects.map(({ tenantId }) => tenantId),
      effects.map(({ key }) => key),
    ]);
    if (rows[0]?.no !== no) throw copied();
    const { refused, effects: begun } = rows[0];
    return { refused: new Set(refused), purses: [], newEffects: new Set(begun) };
  }

  #connected(): Promise<pg.Client> {
    if (this.#client) return Promise.resolve(this.#client);
    this.#connecting ??= this.#connect().finally(() => {
      this.#connecting = null;
    });
    return this.#connecting;
  }

  async #connect(): Promise<pg.Client> {
    const client = await this.#parts.connect().catch((error: unknown) => {
      throw away(error);
    });
    if (this.#isClosed) {
      dropClient(client);
      throw stopped();
    }
    this.#client = client;
    // An idle connection that ends is missed at once, not when the next flush needs it.
    client.once('end', () => {
      if (this.#client !== client) return;
      this.#client = null;
      if (!this.#isSending) void this.#recover();
    });
    return client;
  }

  /** Connects again while nothing is to be sent; a flush that comes meanwhile takes over. */
  async #recover(): Promise<void> {
    let cause: unknown = new EngineError(
      'DB_UNAVAILABLE',
      'The database ended the connection of the journal; see its log.',
    );
    while (!this.#isSending && !this.#isClosed) {
      await this.#lose(cause);
      try {
        await this.#connected();
        // A flush that came meanwhile says itself whether it was answered.
        if (!this.#isSending) this.#answered();
        return;
      } catch (error) {
        // What waiting does not mend is thrown at the next flush, which connects by itself.
        if (!mayPass(error)) return;
        cause = error;
      }
    }
  }

  async #lose(error: unknown): Promise<void> {
    if (this.#client) dropClient(this.#client);
    this.#client = null;
    if (!this.#isAway) {
      this.#isAway = true;
      this.#parts.outage(translateDbError(error));
    }
    const delayMs = this.#delayMs;
    this.#delayMs = Math.min(delayMs * 2, longestDelayMs);
    await new Promise<void>((resolve) => {
      const cancel = this.#parts.clock.after(delayMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
  }

  #answered(): void {
    this.#delayMs = firstDelayMs;
    if (!this.#isAway) return;
    this.#isAway = false;
    this.#parts.back();
  }
}

interface Sent {
  readonly flush: Flush;
  readonly no: number;
  readonly values: readonly unknown[];
}

/** Why there is no connection. A login or a right that is refused now was good before: somebody will mend it, so it counts as away. */
function away(error: unknown): EngineError {
  const known = translateDbError(error);
  return known.retryable ? new EngineError(known.code, known.message) : known;
}

const fenced = (): EngineError =>
  new EngineError(
    'ENGINE_FENCED',
    'Another engine has taken over the runs of this one; it stops. Start it anew; see docs/operations.md, Host names.',
  );

const copied = (): EngineError =>
  new EngineError(
    'ENGINE_COPIED',
    'Another process writes under the name of this engine: one of them is a copy of the other, made while it ran. Both stop; start them anew.',
  );

const defect = (what: string): EngineError =>
  new EngineError('INTERNAL', `${what}; this is a defect in Tutti.`);

const stopped = (): EngineError =>
  new EngineError('ENGINE_STOPPED', 'The journal was closed before this was recorded.');
