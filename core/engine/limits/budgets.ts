import { type Kysely, type RawBuilder, sql } from 'kysely';
import { EngineError } from '../../base/errors.ts';
import type { Config } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import type { Tables } from '../../ports/db/tables.ts';
import type { Registry } from '../../sdk/registry.ts';
import { budgetSetting, type SettingParts } from '../recovery/setting-kinds.ts';
import { SettingStore } from '../recovery/setting-store.ts';
import type { Actor } from '../store/store.ts';
import {
  budgetScopes,
  type DailyLimit,
  dailyLimit,
  dailyLimitMicroUsd,
  plainScope,
  type SetLimit,
} from './daily-limit.ts';
import { periodOf } from './purse.ts';
import { moveLimits } from './purse-rows.ts';
import { type PurseState, shareOf, usualWarnAt } from './warnings.ts';

/** A purse of one day, as people see it. */
export interface BudgetView extends PurseState {
  /** `tenant`, `module:finance` or `workflow:nightly`. */
  readonly scope: string;
  /** Who says the limit; `tenant`: the scope has none of its own. */
  readonly source: DailyLimit['source'];
  /** What is left for new calls; 0 when more than the limit is spent or reserved. */
  readonly freeMicroUsd: number;
  /** Settled and reserved, of the limit; 1: all of it. */
  readonly share: number;
  /** When it passed the warning mark. */
  readonly warnedAt: Date | null;
  /** Steps that wait for money of this purse, among others. */
  readonly waiting: number;
}

/** A step that waits for money. */
export interface WaitingStep {
  readonly runId: string;
  readonly workflow: string;
  /** `match` or `match/check[V-17]` */
  readonly step: string;
  readonly module: string;
  /** `module.agent` */
  readonly agent: string;
}

/** The purses of a day. */
export interface BudgetsView {
  /** The UTC day, `YYYY-MM-DD`. */
  readonly period: string;
  /** Share from which a warning is recorded. */
  readonly warnAt: number;
  /** Tenant, modules, workflows; those that nothing has been spent of, too. */
  readonly items: readonly BudgetView[];
  readonly waiting: readonly WaitingStep[];
}

/** What the budgets of an installation follow from. */
export interface BudgetParts {
  readonly registry: SettingParts['registry'] & Pick<Registry, 'modules' | 'workflows'>;
  readonly config: SettingParts['config'] & Pick<Config, 'budgets'>;
}

/** The daily purses that all engines share, for people and programs; engines follow a change within about a second. */
export class Budgets {
  readonly #database: Pick<Database, 'asTenant'>;
  readonly #kysely: Kysely<Tables>;
  readonly #settings: SettingStore;
  readonly #parts: BudgetParts;

  constructor(database: Pick<Database, 'asTenant' | 'kysely'>, parts: BudgetParts) {
    this.#database = database;
    this.#kysely = database.kysely('tutti_engine');
    this.#settings = new SettingStore(database, parts);
    this.#parts = parts;
  }

  /** The purses of today. `simulated`: those of rehearsals. */
  async list(
    tenantId: number,
    options: { readonly simulated?: boolean; readonly now?: Date } = {},
  ): Promise<BudgetsView> {
    const { simulated = false, now = new Date() } = options;
    const { registry, config } = this.#parts;
    const period = periodOf(now.getTime());
    const [setOf, { purses, waiting }] = await Promise.all([
      this.#setLimits(tenantId),
      this.#read(tenantId, period),
    ]);
    const rows = new Map(
      purses
        .map((row) => ({ ...row, ...plainScope(row.scope) }))
        .filter(({ isSimulated }) => isSimulated === simulated)
        .map((row) => [row.name, row]),
    );
    const items = [...new Set([...budgetScopes(registry), ...rows.keys()])].map((scope) => {
      const limit = dailyLimit(scope, config.budgets ?? {}, setOf);
      // What holds calls back is what stands in the row.
      const row = rows.get(scope) ?? emptyPurse(limit.microUsd);
      const paid = waiting.filter((step) => simulated === false && paysFor(scope, step));
      return viewOf(scope, limit.source, { ...row, waiting: paid.length });
    });
    const { warnAt = usualWarnAt } = config.budgets ?? {};
    return { period, warnAt, items, waiting: simulated ? [] : waiting };
  }

  /** Sets what a scope may spend a day, from now on. @throws SETTING_UNKNOWN · INPUT_INVALID */
  async set(
    tenantId: number,
    scope: string,
    { microUsd, actor }: { readonly microUsd: number; readonly actor: Actor },
  ): Promise<BudgetView> {
    this.#check(scope);
    await this.#settings.put(tenantId, budgetSetting(scope), { value: microUsd, actor });
    return this.#moved(tenantId, scope);
  }

  /** Takes a limit back: what the configuration says holds again. @throws SETTING_UNKNOWN */
  async unset(tenantId: number, scope: string, actor: Actor): Promise<BudgetView> {
    this.#check(scope);
    await this.#settings.reset(tenantId, budgetSetting(scope), actor);
    return this.#moved(tenantId, scope);
  }

  /** Here, too, and not by the engines alone: a flush that is under way is held to the new limit. */
  async #moved(tenantId: number, scope: string): Promise<BudgetView> {
    const budgets = this.#parts.config.budgets ?? {};
    const setOf = await this.#setLimits(tenantId);
    const period = periodOf(Date.now());
    const limitOf = (_: number, each: string): number => dailyLimitMicroUsd(each, budgets, setOf);
    await moveLimits(this.#kysely, limitOf, { period, tenantId });
    const { items } = await this.list(tenantId);
    return items.find((item) => item.scope === scope) as BudgetView;
  }

  async #setLimits(tenantId: number): Promise<SetLimit> {
    const views = await this.#settings.list(tenantId);
    const set = new Map(
      views.filter(({ source }) => source === 'setting').map(({ name, value }) => [name, value]),
    );
    return (scope) => set.get(budgetSetting(scope)) as number | undefined;
  }

  async #read(tenantId: number, period: string): Promise<Stored> {
    return this.#database.asTenant(tenantId, async (transaction) => {
      const rows = async <T>(query: RawBuilder<T>) => (await query.execute(transaction)).rows;
      return {
        purses: await rows(
          sql<Purse>`SELECT scope, limit_micro_usd, reserved_micro_usd, settled_micro_usd, warned_at FROM tutti.budget
            WHERE tenant_id = ${tenantId} AND period = ${period}::date ORDER BY scope`,
        ),
        // By run: unended ones are few, and steps are found by theirs.
        waiting: await rows(
          sql<WaitingStep>`SELECT r.id AS run_id, r.workflow, s.node || CASE s.item_key WHEN '' THEN '' ELSE '[' || s.item_key || ']' END AS step,
              split_part(s.agent, '.', 1) AS module, s.agent
            FROM tutti.run r JOIN tutti.step s ON s.tenant_id = r.tenant_id AND s.run_id = r.id
            WHERE r.tenant_id = ${tenantId} AND r.ended_at IS NULL AND s.wait = 'budget' AND s.ended_at IS NULL ORDER BY r.id, s.id`,
        ),
      };
    });
  }

  #check(scope: string): void {
    const scopes = budgetScopes(this.#parts.registry);
    if (scopes.includes(scope)) return;
    throw new EngineError(
      'SETTING_UNKNOWN',
      `There is no budget '${scope.slice(0, 100)}'; there are ${scopes.join(', ')}.`,
    );
  }
}

interface Purse extends PurseState {
  readonly scope: string;
  readonly warnedAt: Date | null;
}
interface Stored {
  readonly purses: readonly Purse[];
  readonly waiting: readonly WaitingStep[];
}

function emptyPurse(limitMicroUsd: number): Omit<Purse, 'scope'> {
  return { limitMicroUsd, reservedMicroUsd: 0, settledMicroUsd: 0, warnedAt: null };
}

function viewOf(
  scope: string,
  source: BudgetView['source'],
  purse: Omit<Purse, 'scope'> & { readonly waiting: number },
): BudgetView {
  const { limitMicroUsd, reservedMicroUsd, settledMicroUsd, warnedAt, waiting } = purse;
  const freeMicroUsd = Math.max(0, limitMicroUsd - reservedMicroUsd - settledMicroUsd);
  return {
    scope,
    limitMicroUsd,
    source,
    reservedMicroUsd,
    settledMicroUsd,
    freeMicroUsd,
    share: shareOf(purse),
    warnedAt,
    waiting,
  };
}

function paysFor(scope: string, { module, workflow }: WaitingStep): boolean {
  return scope === 'tenant' || scope === `module:${module}` || scope === `workflow:${workflow}`;
}
