import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { Store } from '../../core/engine/store/store.ts';
import { eventually } from './eventually.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
import { type RacingEngines, startEngines } from './racing-engines.ts';
import { itemsOf, lookTool, windowConfig } from './window-lab.ts';
import { type CallCounted, startWindowServer, type WindowServer } from './window-server.ts';

const perEngine = 250;
/** More on each engine than half of what the account allows. */
const sharing = 150;
const turns = 2;
/** About half of what the calls of all agents come to. */
export const limitMicroUsd = 200_000;

/** What an observer saw of one round: a tenant, two engines, 500 agents. */
export interface RoundSeen {
  readonly statuses: readonly string[];
  /** Engines that had a part in it: one may have been quick enough to take up both runs. */
  readonly engines: number;
  /** How often something was reserved, spent or given back. */
  readonly changes: number;
  /** The most that was spent and reserved in any purse after any of them. */
  readonly most: number;
  /** When all was over. */
  readonly reserved: number;
  readonly settled: number;
  /** What the ledger says. */
  readonly cost: number;
  /** Calls that count in full, because nobody knows what they cost. */
  readonly estimated: number;
  readonly degraded: number;
  readonly steps: number;
}

/** Writes down what a purse holds whenever it changes, in the transaction itself: no moment is between two looks. */
const watchSql = `
CREATE SCHEMA watch;
CREATE TABLE watch.purse (tenant_id int, held bigint);
CREATE FUNCTION watch.changed() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER AS $$ BEGIN
  INSERT INTO watch.purse VALUES (NEW.tenant_id, NEW.reserved_micro_usd + NEW.settled_micro_usd); RETURN NULL; END $$;
CREATE TRIGGER watch_purse AFTER INSERT OR UPDATE ON tutti.budget FOR EACH ROW EXECUTE FUNCTION watch.changed();
`;

/** What a provider saw of two engines that both wanted more than its account allows, for some seconds. */
export interface AccountShared {
  readonly calls: readonly CallCounted[];
  readonly byEngine: Readonly<Record<'a' | 'b', number>>;
}

/** What the account of a provider allows that both engines share. */
export const sharedAllowance = { requestsPerMinute: 120, concurrency: 6 };

/** More than any race comes to. */
const plentyMicroUsd = 1_000_000_000;
/** A budget that is enough for a race, but not for all its reservations at once: 500 agents come to 410,300 micro-USD, those to more than twice that. */
export const enoughMicroUsd = 450_000;
/** Races with enough that there may be. */
const mostWithEnough = 4;

/** Two engines, each in a process of its own, on one database: what they share are budgets and the account of a provider. */
export class RacingLab {
  readonly #fresh: FreshDatabase;
  readonly #pool: pg.Pool;
  readonly #model: WindowServer;
  readonly #account: WindowServer;
  readonly #engines: RacingEngines;
  /** Tenants with enough that no race has used. */
  readonly #enough: number[];
  readonly #shared: number;
  #races = 0;

  private constructor(parts: {
    readonly fresh: FreshDatabase;
    readonly pool: pg.Pool;
    readonly model: WindowServer;
    readonly account: WindowServer;
    readonly engines: RacingEngines;
    readonly tenants: readonly number[];
  }) {
    this.#fresh = parts.fresh;
    this.#pool = parts.pool;
    this.#model = parts.model;
    this.#account = parts.account;
    this.#engines = parts.engines;
    [this.#shared = 0, ...this.#enough] = parts.tenants;
  }

  static async open(): Promise<RacingLab> {
    const fresh = await freshDatabase();
    await fresh.database.admin((client) => client.query(watchSql));
    const pool = fresh.database.pool('tutti_engine', 1);
    // Before the engines are there, which read settings when they start.
    const tenants = [await tenantWith(pool, 'shared', plentyMicroUsd)];
    for (let at = 0; at < mostWithEnough; at += 1)
      tenants.push(await tenantWith(pool, `enough-${at}`, enoughMicroUsd));
    const model = await startWindowServer({ allowance: {}, turns, tool: lookTool, latencyMs: 5 });
    const account = await startWindowServer({ allowance: sharedAllowance, latencyMs: 300 });
    const config = windowConfig({
      models: {
        standard: [{ model: 'first', baseUrl: model.baseUrl('openai') }],
        fast: [{ model: 'shared', baseUrl: account.baseUrl('openai') }],
      },
      modelLimits: { shared: sharedAllowance },
      budgets: { tenantDailyMicroUsd: limitMicroUsd },
    });
    const engines = await startEngines(fresh, [config, config]);
    return new RacingLab({ fresh, pool, model, account, engines, tenants });
  }

  async close(context?: Mocha.Context): Promise<void> {
    await this.#engines.close();
    await this.#model.close();
    await this.#account.close();
    await this.#fresh.drop(context);
  }

  /** 500 agents on one budget, about half of what they come to, half of them on each engine, until so many rounds were raced by both. */
  async raceScarce(rounds: number): Promise<readonly RoundSeen[]> {
    const seen: RoundSeen[] = [];
    while (
      seen.filter(({ engines: raced }) => raced > 1).length < rounds &&
      seen.length < 3 * (rounds + 1)
    ) {
      const tenantId = await new Store(this.#pool).tenant(`race-${this.#races}`);
      seen.push(await this.#race(tenantId));
    }
    return seen;
  }

  /** The same on a budget that is enough, until both have raced in a round of which it is known what each call has cost; all such rounds. */
  async raceWithEnough(): Promise<readonly RoundSeen[]> {
    const known: RoundSeen[] = [];
    for (const tenantId of this.#enough.splice(0)) {
      const seen = await this.#race(tenantId);
      // A call whose end nobody knows counts in full, and so may leave too little.
      if (seen.estimated === 0) known.push(seen);
      if (known.at(-1) === seen && seen.engines > 1) break;
    }
    return known;
  }

  /** 300 agents on one account, half of them on each engine, until it is used up. */
  async shareAccount(): Promise<AccountShared> {
    const tenantId = this.#shared;
    await this.#engines.start(
      ['a', 'b'].map((engine) => ({
        workflow: 'window.fast',
        tenantId,
        input: { items: itemsOf(engine, sharing) },
      })),
    );
    const server = this.#account;
    await eventually(
      async () => (await server.seen()).length >= 0.9 * sharedAllowance.requestsPerMinute,
    );
    // Until nothing comes any more: the account is used up.
    for (let seen = -1; seen !== (await server.seen()).length; await wait(2_500))
      seen = (await server.seen()).length;
    const calls = await server.seen();
    const of = (engine: string) => calls.filter(({ item }) => item.startsWith(engine)).length;
    return { calls, byEngine: { a: of('a'), b: of('b') } };
  }

  async #race(tenantId: number): Promise<RoundSeen> {
    const pool = this.#pool;
    this.#races += 1;
    const runs = ['a', 'b'].map((engine) => ({
      workflow: 'window.keep',
      tenantId,
      input: { items: itemsOf(engine, perEngine) },
    }));
    const ids = await this.#engines.start(runs);
    const owners = await pool.query('SELECT DISTINCT owner FROM tutti.run WHERE id = ANY ($1)', [
      ids,
    ]);
    const statuses = await eventually(async () => {
      const { rows } = await pool.query<{ status: string }>(
        'SELECT status FROM tutti.run WHERE id = ANY ($1) AND ended_at IS NOT NULL',
        [ids],
      );
      return rows.length === ids.length ? rows.map(({ status }) => status) : null;
    });
    const { rows } = await pool.query(
      `SELECT (SELECT sum(reserved_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1) AS reserved,
         (SELECT sum(settled_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1 AND scope = 'tenant') AS settled,
         (SELECT sum(cost_micro_usd)::int FROM tutti.ledger WHERE tenant_id = $1) AS cost,
         (SELECT count(*)::int FROM tutti.ledger WHERE tenant_id = $1 AND state = 'estimated') AS estimated,
         count(*) FILTER (WHERE degraded)::int AS degraded, count(*)::int AS steps
       FROM tutti.step WHERE tenant_id = $1 AND kind = 'task' AND status = 'succeeded'`,
      [tenantId],
    );
    const { rows: held } = await this.#fresh.database.admin((client) =>
      client.query(
        'SELECT count(*)::int AS changes, max(held)::int AS most FROM watch.purse WHERE tenant_id = $1',
        [tenantId],
      ),
    );
    return { statuses, engines: owners.rows.length, ...held[0], ...rows[0] };
  }
}

/** A tenant with a budget of its own a day. */
async function tenantWith(pool: pg.Pool, slug: string, microUsd: number): Promise<number> {
  const tenantId = await new Store(pool).tenant(slug);
  await pool.query(
    `INSERT INTO tutti.setting (tenant_id, name, value, actor, at) VALUES ($1, 'budget:tenant', to_jsonb($2::bigint), '{}', now())`,
    [tenantId, microUsd],
  );
  return tenantId;
}
