import type { Kysely } from 'kysely';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import { isDaily, purseName, type SharedPurse, sharedPurse } from './purse.ts';
import { claimPassed, claimWarning } from './purse-rows.ts';
import { type BudgetWarning, type PurseState, usualWarnAt, Warnings } from './warnings.ts';

/** What budgets are watched with; a `Run` is whatever pays. */
export interface BudgetWatchParts<Run> {
  readonly database: Pick<Database, 'kysely'>;
  /** @default 0.8 */
  readonly warnAt: number | undefined;
  readonly stateOf: (name: string) => PurseState | null;
  /**
   * Told of a warning and the run that passed the mark; once a day and scope over all engines. It answers false when that run
   * has ended meanwhile: then the next that pays from the purse is told.
   */
  readonly tell: (run: Run, warning: BudgetWarning) => unknown;
}

/** Watches the shared purses that runs of this engine pay from, and tells when one comes near to its limit. */
export class BudgetWatch<Run extends WeakKey> {
  readonly #parts: BudgetWatchParts<Run>;
  readonly #kysely: Kysely<Tables>;
  readonly #warnings: Warnings;
  readonly #warnAt: number;
  /** Who paid last, by purse: whom a warning is about that only the table knows of. Held by nobody else it has ended: it may be large. */
  readonly #payers = new Map<string, WeakRef<Run>>();
  /** Claimed, and nobody was there to be told. */
  readonly #untold = new Map<string, BudgetWarning>();

  constructor(parts: BudgetWatchParts<Run>) {
    this.#parts = parts;
    this.#kysely = parts.database.kysely('tutti_engine');
    this.#warnAt = parts.warnAt ?? usualWarnAt;
    this.#warnings = new Warnings(this.#warnAt);
  }

  /** After every grant and settlement; waits for nothing. `names` as the Budget knows the purses that paid. */
  look(run: Run, names: readonly string[]): void {
    for (const name of names) {
      const untold = this.#untold.get(name);
      if (untold) this.#tell(run, untold);
      if (!isDaily(name) || this.#warnings.hasNoticed(name)) continue;
      if (this.#payers.get(name)?.deref() !== run) this.#payers.set(name, new WeakRef(run));
    }
    for (const warning of this.#warnings.passed(names, this.#parts.stateOf)) {
      this.#payers.delete(purseName(warning));
      void this.#claim(run, warning);
    }
  }

  /** Now and then: what several engines have spent together, which no memory knows. */
  async sweep(): Promise<void> {
    const purses = [...this.#payers.keys()].flatMap((name) => sharedPurse(name) ?? []);
    for (const warning of await claimPassed(this.#kysely, purses, this.#warnAt)) {
      const name = purseName(warning);
      const run = this.#payers.get(name)?.deref();
      this.#warnings.notice(warning);
      this.#payers.delete(name);
      if (run === undefined) this.#untold.set(name, warning);
      else this.#tell(run, warning);
    }
    this.#dropEarlierDays(purses);
  }

  async #claim(run: Run, warning: BudgetWarning): Promise<void> {
    try {
      if (await claimWarning(this.#kysely, warning)) this.#tell(run, warning);
    } catch {
      // The database is away: the next grant tries again.
      this.#warnings.forget(warning);
    }
  }

  #tell(run: Run, warning: BudgetWarning): void {
    const name = purseName(warning);
    if (this.#parts.tell(run, warning) === false) this.#untold.set(name, warning);
    else this.#untold.delete(name);
  }

  #dropEarlierDays(purses: readonly SharedPurse[]): void {
    const today = purses.map(({ period }) => period).reduce((a, b) => (a > b ? a : b), '');
    for (const names of [this.#payers, this.#untold])
      for (const name of names.keys()) if (name < today) names.delete(name);
  }
}
