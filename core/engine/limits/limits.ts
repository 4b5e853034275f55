import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import type { Config } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Profiles } from '../../ports/models/profiles.ts';
import type { Settings } from '../recovery/settings.ts';
import { type BreakerState, Breakers } from './breaker.ts';
import { Broker, type BrokerStats } from './broker.ts';
import { Budget } from './budget.ts';
import { BudgetWatch } from './budget-watch.ts';
import { limitsOf } from './gate-limits.ts';
import { Permits } from './permits.ts';
import { PurseLimits } from './purse-limits.ts';
import { Quotas } from './quotas.ts';
import { Shares } from './shares.ts';
import { Tiers } from './tiers.ts';
import type { BudgetWarning } from './warnings.ts';

/** What an engine's limits are made of; a `Payer` is a run. */
export interface LimitsParts<Payer> {
  readonly database: Database;
  /** Acts as `tutti_engine`. */
  readonly pool: pg.Pool;
  readonly config: Config;
  readonly profiles: Profiles | null;
  readonly rehearsed?: Profiles | null;
  readonly settings: Settings;
  readonly clock: Clock;
  /** A breaker has moved. */
  readonly onBreaker: (name: string, state: BreakerState) => void;
  /** A purse has come near to its limit; once a day and purse over all engines. */
  readonly onWarning: (payer: Payer, warning: BudgetWarning) => boolean;
  /** Something may go that had to wait. */
  readonly onChange: () => void;
}

/** Everything that keeps an engine's calls within what models, tenants, modules, tools, the ERP and budgets allow. */
export class Limits<Payer extends WeakKey> {
  readonly breakers: Breakers;
  readonly broker: Broker;
  readonly purses: PurseLimits;
  readonly watch: BudgetWatch<Payer>;
  /** Calls of tools and of the ERP. */
  readonly quotas: Quotas;
  readonly #parts: LimitsParts<Payer>;
  readonly #tiers: Tiers;
  #shares: Shares | null = null;

  /** @throws MODEL_UNKNOWN for a model without a price */
  constructor(parts: LimitsParts<Payer>) {
    const { database, pool, config, profiles, rehearsed = null, settings, clock } = parts;
    this.#parts = parts;
    this.breakers = new Breakers({
      clock,
      limits: () => settings.breaker,
      onChange: parts.onBreaker,
    });
    this.#tiers = new Tiers({ pool, clock, onCredit: parts.onChange });
    const permits = new Permits({ limitsOf: limitsOf(config), tiers: this.#tiers });
    const prices = config.prices ?? {};
    const { breakers } = this;
    const budget = new Budget({ isTended: true });
    const shared = { limits: config, clock, breakers, permits };
    this.broker = new Broker({ profiles, rehearsed, prices, ...shared }, budget);
    this.quotas = new Quotas(permits, clock);
    const { budgets } = config;
    this.purses = new PurseLimits({ database, budget, budgets, settings });
    this.watch = new BudgetWatch({
      database,
      warnAt: budgets?.warnAt,
      stateOf: (name) => budget.stateOf(name),
      tell: parts.onWarning,
    });
  }

  /** Takes this engine's shares; until then nothing is granted. `boot`: the engine's row. @throws DB_* */
  async open(boot: string): Promise<void> {
    const { pool, clock } = this.#parts;
    const { broker } = this;
    const { permits } = broker;
    this.#shares = new Shares({
      pool,
      boot,
      permits,
      clock,
      recall: (calls) => broker.recall(calls),
    });
    await this.#shares.balance();
  }

  /** Once a second: balances with other engines, and follows settings. Returns whether a budget has moved. @throws DB_* */
  async tend(): Promise<boolean> {
    await this.#shares?.balance();
    await this.#tiers.tend();
    await this.watch.sweep();
    const hasMoved = await this.purses.follow(this.#parts.clock.now());
    this.#parts.onChange();
    return hasMoved;
  }

  /** Gives back what other engines may use. @throws DB_* */
  async close(): Promise<void> {
    await this.#shares?.close();
    await this.#tiers.close();
  }

  /** How much of which limit is in use, and what calls have come to. */
  get stats(): BrokerStats {
    return this.broker.stats();
  }
}
