import type pg from 'pg';
import { type Clock, systemClock } from '../../base/clock.ts';
import { crashPoint } from '../../base/crash-point.ts';
import { EngineError } from '../../base/errors.ts';
import { translateDbError } from '../../ports/db/db-error.ts';
import type { MovedPurse } from '../limits/budget.ts';
import { purseName } from '../limits/purse.ts';
import { isTerminal } from '../run/states.ts';
import { isRefused, movedPurses, type StepRow, stepRows } from './flush-rows.ts';
import { type FlushAnswer, isRefusal, JournalLine } from './journal-line.ts';
import type { Change } from './rows.ts';

/** What a flush brought to those who wait for it. */
export interface Flushed {
  /** false: a shared purse had too little left for the turns of this change; none of them was written. */
  readonly admitted: boolean;
  /** Keys (hex) of this change's effects that nobody had recorded before, that supersede what was, or that used their approval up. */
  readonly newEffects: ReadonlySet<string>;
}

/** What the journal reports by itself. */
export interface JournalEvents {
  /** Another engine has taken over, or something is wrong that no waiting mends: nothing more can be recorded. */
  failed(error: EngineError): void;
  /** The database is away, full or read-only: the journal waits for it. Told once, until `back`. */
  outage?(error: EngineError): void;
  /** The database answers again. */
  back?(): void;
  /** The database refused rows of one step; they are dropped and the step must fail. */
  rejected(change: Change, error: EngineError): void;
  /** A flush is durable: whoever follows these runs may read on. Called before those who wait for the flush, but after those who reserved with it. */
  committed?(changes: readonly Change[]): void;
  /** A flush of so many changes took so long. */
  flushed?(changes: number, tookMs: number): void;
}

/** Whose journal it is, and how it goes down. */
export interface JournalOptions {
  readonly boot: string;
  /** @default the system's */
  readonly clock?: Clock;
  /**
   * From so many changes on a flush ends at the first place where all that has gathered of each step is on one side of it; at least 1.
   * Fewer make whoever waits wait for less, and cost more round trips. @default 1,000
   */
  readonly usualFlush?: number | undefined;
}

/** A change that waits for its flush. It has every field, in one order: V8 reads objects of many shapes several times slower. */
interface Written extends Change {
  /** Rises from change to change. */
  readonly no: number;
  /** Told when it is durable. */
  readonly durable: ((flushed: Flushed) => void) | undefined;
}

/** The answer that a commit gives to one of its changes. */
interface Told {
  readonly written: Written;
  readonly flushed: Flushed;
}

/** What goes down in one statement, and the answers that its commit will give. */
interface Part {
  readonly rows: readonly StepRow[];
  readonly told: Told[];
  /** Changes that did not go down with it. */
  readonly left: Set<Change>;
}

/** From so many changes on a flush ends where it can. */
const usualFlush = 1_000;
// How long an engine that stops waits for what is written to be answered.
const closePatienceMs = 5_000;

/**
 * The run journal's writer: group commit. Changes gather in memory while a flush is in flight and go down together with the
 * next; there is no timer, so a lone change leaves at once and a crowd shares one commit. Only the owner of the runs writes.
 * It outlives its connection: while the database is away changes go on to gather, and what waits for a flush goes on to wait.
 */
export class Journal {
  readonly #line: JournalLine;
  readonly #clock: Clock;
  readonly #events: JournalEvents;
  readonly #usualFlush: number;
  readonly #gathered: Written[] = [];
  /** What has gathered of money alone. */
  readonly #money: Written[] = [];
  #lastNo = 0;
  #flushing = false;
  #failed = false;
  #idle: (() => void)[] = [];
  #hear: (moved: MovedPurse) => void = () => {};
  /** Flushes so far, and rows of changes in them. */
  readonly counts = { flushes: 0, changes: 0 };

  /** `connect` opens a connection that is ready for flushes (`journalConnection`); it is called again after each loss. */
  constructor(
    connect: () => Promise<pg.Client>,
    { boot, clock = systemClock, usualFlush: least = usualFlush }: JournalOptions,
    events: JournalEvents,
  ) {
    this.#clock = clock;
    this.#usualFlush = least;
    this.#events = events;
    this.#line = new JournalLine({
      connect,
      boot,
      clock,
      outage: (error) => this.#events.outage?.(error),
      back: () => this.#events.back?.(),
    });
  }

  /** Whether the database is away. */
  get isAway(): boolean {
    return this.#line.isAway;
  }

  /** Connects; without it the first flush does. @throws DB_UNAVAILABLE · DB_FULL · ENGINE_FENCED */
  open(): Promise<void> {
    return this.#line.open();
  }

  /** Whoever keeps the purses in memory hears of every flush what it has moved of them, in order, before anybody else hears of it. */
  onMoney(hear: (moved: MovedPurse) => void): void {
    this.#hear = hear;
  }

  /** Takes a change into the next flush; `durable` runs once it is committed, and never if the journal fails. */
  write(change: Change, durable?: (flushed: Flushed) => void): void {
    if (this.#failed) return;
    this.#lastNo += 1;
    const written = writtenOf(change, this.#lastNo, durable);
    if (change.step) change.step.lastChange = this.#lastNo;
    (isMoneyAlone(change) ? this.#money : this.#gathered).push(written);
    if (!this.#flushing) {
      this.#flushing = true;
      // What arrives in this tick shares the first flush.
      setImmediate(() => void this.#loop());
    }
  }

  /** Resolves when everything written so far is committed (or the journal has failed), or after `patienceMs`. */
  settled(patienceMs = Number.POSITIVE_INFINITY): Promise<void> {
    if (!this.#flushing) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = Number.isFinite(patienceMs)
        ? this.#clock.after(patienceMs, resolve)
        : () => {};
      this.#idle.push(() => {
        cancel();
        resolve();
      });
    });
  }

  /**
   * Commits what is written and lets go of the connection. What is not answered after `patienceMs`, because the database is away,
   * is left to recovery: nobody is told that it is durable.
   */
  async close(patienceMs = closePatienceMs): Promise<void> {
    await this.settled(patienceMs);
    this.#failed = true;
    await this.#line.close();
  }

  /** What has gathered is on its way before anybody is told of the flush before, so that the server does not wait for them. */
  async #loop(): Promise<void> {
    let tell = (): void => {};
    try {
      while (this.#hasGathered && !this.#failed) {
        const written = this.#take();
        const told: Told[] = [];
        const left = new Set<Change>();
        const committing = this.#send(written, { rows: stepRows(written), told, left });
        // Should a listener fail, this ends the journal, and the flush under way with it.
        committing.catch(() => {});
        tell();
        await committing;
        crashPoint('after-flush');
        // What becomes of a reservation that nobody needs any more belongs into the next flush: its run may end with that.
        for (const each of told) if (reserves(each)) tellOne(each);
        tell = () => {
          tell = () => {};
          this.#events.committed?.(written.filter((each) => !left.has(each)));
          for (const each of told) if (!reserves(each)) tellOne(each);
        };
        if (!this.#hasGathered) tell();
      }
      tell();
    } catch (error) {
      const wasClosed = this.#failed;
      this.#failed = true;
      if (!wasClosed) this.#events.failed(translateDbError(error));
    } finally {
      this.#flushing = false;
      for (const resolve of this.#idle.splice(0)) resolve();
    }
  }

  get #hasGathered(): boolean {
    return this.#gathered.length + this.#money.length > 0;
  }

  /**
   * What goes down with the next flush; of much the beginning, so that who waits for it waits for no more. A flush has all that has gathered
   * of a step, or nothing: its row is what its entries say, for whoever goes on from there. Money goes first, and the end of a run after all
   * that has gathered of it: a run that has ended is taken up by nobody, who would write what is missing or give back what is reserved.
   */
  #take(): readonly Written[] {
    let last = 0;
    const end = this.#gathered.findIndex(({ no, step }, index) => {
      last = Math.max(last, step?.lastChange ?? 0);
      return index + 1 >= this.#usualFlush && last <= no;
    });
    const changes = this.#gathered.splice(0, end < 0 ? this.#gathered.length : end + 1);
    const early = changes.filter(
      (each) =>
        endsRun(each) && this.#gathered.some(({ run, no }) => run === each.run && no > each.no),
    );
    this.#gathered.push(...early);
    return [...this.#money.splice(0), ...changes.filter((each) => !early.includes(each))];
  }

  /** Writes changes with the rows of their steps, and adds what to tell whom. */
  async #send(written: readonly Written[], part: Part): Promise<void> {
    crashPoint('before-flush');
    const { rows, told } = part;
    const sentAt = this.#clock.monotonic();
    try {
      const answer = await this.#line.send({ changes: written, rows });
      this.#events.flushed?.(written.length, this.#clock.monotonic() - sentAt);
      this.#tellMoney(written, answer);
      for (const each of written)
        if (each.durable) told.push({ written: each, flushed: flushedOf(each, answer) });
      this.counts.flushes += 1;
      this.counts.changes += written.length;
    } catch (error) {
      if (!isRefusal(error)) throw error;
      await this.#sendWithout(await this.#refusedIn(written, rows, error), written, part);
    }
  }

  #tellMoney(changes: readonly Change[], { refused, purses }: FlushAnswer): void {
    const rows = new Map(
      purses.map(([tenantId, scope, period, limitMicroUsd, reservedMicroUsd, settledMicroUsd]) => [
        purseName({ tenantId, scope, period }),
        { limitMicroUsd, reservedMicroUsd, settledMicroUsd },
      ]),
    );
    for (const { name, reserve, release, settle } of movedPurses(changes, refused)) {
      this.#hear({
        name,
        reservedMicroUsd: reserve - release,
        settledMicroUsd: settle,
        row: rows.get(name) ?? null,
      });
    }
  }

  /**
   * Finds the step whose rows are refused by halving, before anything is written: a part that went down by itself would have the numbers of
   * later entries before those of earlier ones, and who follows a step before that step.
   */
  async #refusedIn(
    written: readonly Written[],
    rows: readonly StepRow[],
    cause: unknown,
  ): Promise<Refused> {
    const groups = [...Map.groupBy(written, groupOf)];
    // So many from the beginning are taken, so many are not.
    let [taken, refused, why] = [0, groups.length, cause];
    while (refused - taken > 1) {
      const half = (taken + refused) >> 1;
      const tried = new Set(groups.slice(0, half).map(([of]) => of));
      const changes = written.filter((each) => tried.has(groupOf(each)));
      const refusal = await this.#line.refusalOf({ changes, rows: rowsOf(changes, rows) });
      if (refusal === null) taken = half;
      else [refused, why] = [half, refusal];
    }
    return { changes: groups[refused - 1]?.[1] ?? [], cause: why };
  }

  /**
   * Writes the others, as they are. A run of which something is refused ends with the next flush, after what is still to be said of it: nobody
   * would take it up, to fail the step or to count what its calls cost.
   */
  async #sendWithout(
    { changes, cause }: Refused,
    written: readonly Written[],
    { rows, told, left }: Part,
  ): Promise<void> {
    for (const each of changes) left.add(each);
    this.#keepSettled(changes);
    const message = `The database refused what this step wrote: ${translateDbError(cause).message}`;
    const error = new EngineError('JOURNAL_REJECTED', message, { cause });
    this.#events.rejected(changes[0] as Written, error);
    const isLate = (each: Written): boolean =>
      endsRun(each) && changes.some(({ run, step }) => step && run === each.run);
    for (const each of written)
      if (!left.has(each) && isLate(each)) {
        left.add(each);
        this.#gathered.push(each);
      }
    const rest = written.filter((each) => !left.has(each));
    if (rest.length > 0) await this.#send(rest, { rows: rowsOf(rest, rows), told, left });
  }

  /** What a refused change has settled counts all the same: its call has ended, and nobody would settle it any more. */
  #keepSettled(written: readonly Written[]): void {
    // Money that is refused by itself would be again.
    if (written.every(isMoneyAlone)) return;
    for (const { run, settles, money } of written)
      if (settles) this.write({ run, step: null, settles, money });
  }
}

/** What the database refused: all of one step, or one change of none. */
interface Refused {
  readonly changes: readonly Written[];
  readonly cause: unknown;
}

/** The rows of the steps of some changes. */
function rowsOf(changes: readonly Change[], rows: readonly StepRow[]): readonly StepRow[] {
  const steps = new Set(changes.map(({ step }) => step));
  return rows.filter(({ step }) => steps.has(step));
}

function writtenOf(change: Change, no: number, durable: Written['durable']): Written {
  return {
    no,
    run: change.run,
    step: change.step,
    entries: change.entries,
    attempts: change.attempts,
    turns: change.turns,
    settles: change.settles,
    money: change.money,
    effects: change.effects,
    effectEnds: change.effectEnds,
    findings: change.findings,
    runStatus: change.runStatus,
    taken: change.taken,
    durable,
  };
}

/** Whether a change reserves what a model call may cost. */
function reserves({ written: { turns } }: Told): boolean {
  return turns !== undefined && turns.length > 0;
}

function tellOne({ written, flushed }: Told): void {
  written.durable?.(flushed);
}

/** What a change is written with, or not at all. */
function groupOf(change: Change): object {
  return change.step ?? change;
}

function endsRun({ runStatus }: Change): boolean {
  return runStatus !== undefined && isTerminal(runStatus);
}

/** Whether a change only moves money. */
function isMoneyAlone({ step, entries, settles }: Change): boolean {
  return step === null && settles !== undefined && !entries;
}

/** What a flush brought to one of its changes: of two that begin the same effect, the database took one. */
function flushedOf(change: Change, answer: FlushAnswer): Flushed {
  const { run, effects, effectEnds } = change;
  const admitted = !isRefused(change, answer.refused);
  if (!effects && !effectEnds) return admitted ? plain.admitted : plain.refused;
  const claims = (effectEnds ?? []).flatMap(({ key, claim }) =>
    claim ? { key, seq: claim.seq } : [],
  );
  const begun = [...(effects ?? []), ...claims].filter(({ seq }) =>
    answer.newEffects.has(`${run.facts.id} ${seq}`),
  );
  return { admitted, newEffects: new Set(begun.map(({ key }) => key)) };
}

/** What a flush brings to a change that begins no effect. */
const plain = {
  admitted: { admitted: true, newEffects: new Set<string>() },
  refused: { admitted: false, newEffects: new Set<string>() },
} as const satisfies Record<string, Flushed>;
