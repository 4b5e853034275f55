import type { Kysely } from 'kysely';
import type { Budgets } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import type { Budget } from './budget.ts';
import { dailyLimitMicroUsd } from './daily-limit.ts';
import { periodOf, purseName } from './purse.ts';
import { moveLimits } from './purse-rows.ts';

/** The settings that limits follow; a change raises `version`. */
export interface LimitSettings {
  readonly version: number;
  /** Micro-USD a day that were set for a scope of a tenant. */
  budgetOf(tenantId: number, scope: string): number | undefined;
}

/** The daily limits in force, in an engine: asked when purses are opened, moved in memory and in the table when a setting changes. */
export class PurseLimits {
  readonly #kysely: Kysely<Tables>;
  readonly #budget: Budget;
  readonly #budgets: Budgets;
  readonly #settings: LimitSettings;
  #followed = 0;

  constructor(parts: {
    readonly database: Pick<Database, 'kysely'>;
    readonly budget: Budget;
    readonly budgets: Budgets | undefined;
    readonly settings: LimitSettings;
  }) {
    this.#kysely = parts.database.kysely('tutti_engine');
    this.#budget = parts.budget;
    this.#budgets = parts.budgets ?? {};
    this.#settings = parts.settings;
  }

  /** What a tenant's purse of a scope holds a day. */
  of(tenantId: number, scope: string): number {
    return dailyLimitMicroUsd(scope, this.#budgets, (each) =>
      this.#settings.budgetOf(tenantId, each),
    );
  }

  /**
   * Follows changed settings: the purses of today and tomorrow get their new limits, in the table and in this engine's memory;
   * what is reserved and settled stays, so a limit below it only stops new calls. Returns whether there was a change: what waits
   * for money is worth another look. When it throws, the next call does it.
   */
  async follow(nowMs: number): Promise<boolean> {
    const { version } = this.#settings;
    if (version === this.#followed) return false;
    const limitOf = (tenantId: number, scope: string): number => this.of(tenantId, scope);
    const purses = await moveLimits(this.#kysely, limitOf, { period: periodOf(nowMs) });
    for (const { limitMicroUsd, ...purse } of purses) {
      const name = purseName(purse);
      // One that is not open here is left to adoption, which alone knows what has been spent of it.
      if (this.#budget.left(name) !== null) this.#budget.open(name, limitMicroUsd);
    }
    this.#followed = version;
    return true;
  }
}
