import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { Store } from '../../core/engine/run/store.ts';
import { eventually } from './eventually.ts';
import { freshDatabase } from './postgres.ts';
import { type RacingEngines, startEngines } from './racing-engines.ts';
import { itemsOf, lookTool, windowConfig } from './window-lab.ts';
import { type Allowance, type CallCounted, startWindowServer } from './window-server.ts';

const perEngine = 250;
const turns = 2;
/** About half of what the calls of all agents come to. */
export const limitMicroUsd = 200_000;

/** What an observer saw of one round: a tenant, two engines, 500 agents. */
export interface RoundSeen {
  readonly statuses: readonly string[];
  /** Engines that had a part in it: one may have been quick enough to take up both runs. */
  readonly engines: number;
  /** Looks at the purse while the round went on. */
  readonly looks: number;
  /** The most that was spent and reserved, over all looks and purses. */
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

/** 500 agents on one budget, half of them on each of two engines, until so many rounds were raced by both. */
export async function raceBudget(
  rounds: number,
  tenantDailyMicroUsd = limitMicroUsd,
): Promise<readonly RoundSeen[]> {
  const fresh = await freshDatabase();
  const server = await startWindowServer({ allowance: {}, turns, tool: lookTool, latencyMs: 5 });
  const models = { standard: [{ model: 'first', baseUrl: server.baseUrl('openai') }] };
  const config = windowConfig({ models, budgets: { tenantDailyMicroUsd } });
  const engines = await startEngines(fresh, [config, config]);
  const pool = fresh.database.pool('tutti_engine', 3);
  try {
    const seen: RoundSeen[] = [];
    while (
      seen.filter(({ engines: raced }) => raced > 1).length < rounds &&
      seen.length < 3 * rounds
    )
      seen.push(await race({ pool, engines }, `race-${seen.length}`));
    return seen;
  } finally {
    await engines.close();
    await server.close();
    await fresh.drop();
  }
}

/** What a provider saw of two engines that both wanted more than its account allows, for some seconds. */
export interface AccountShared {
  readonly calls: readonly CallCounted[];
  readonly byEngine: Readonly<Record<'a' | 'b', number>>;
}

/** 500 agents on one account, half of them on each of two engines, until it is used up. */
export async function shareAccount(
  allowance: Required<Pick<Allowance, 'requestsPerMinute' | 'concurrency'>>,
): Promise<AccountShared> {
  const fresh = await freshDatabase();
  const server = await startWindowServer({ allowance, latencyMs: 300 });
  const models = { standard: [{ model: 'first', baseUrl: server.baseUrl('openai') }] };
  const config = windowConfig({ models, modelLimits: { first: allowance } });
  const engines = await startEngines(fresh, [config, config]);
  try {
    const tenantId = await new Store(fresh.database.pool('tutti_engine', 1)).tenant('shared');
    await engines.start(
      ['a', 'b'].map((engine) => ({
        workflow: 'window.standard',
        tenantId,
        input: { items: itemsOf(engine, perEngine) },
      })),
    );
    // Until nothing comes any more: the account is used up, or shares lie idle.
    for (let seen = -1; seen !== (await server.seen()).length; await wait(2_500))
      seen = (await server.seen()).length;
    const calls = await server.seen();
    const of = (engine: string) => calls.filter(({ item }) => item.startsWith(engine)).length;
    return { calls, byEngine: { a: of('a'), b: of('b') } };
  } finally {
    await engines.close();
    await server.close();
    await fresh.drop();
  }
}

async function race(
  { pool, engines }: { readonly pool: pg.Pool; readonly engines: RacingEngines },
  name: string,
): Promise<RoundSeen> {
  const tenantId = await new Store(pool).tenant(name);
  const runs = ['a', 'b'].map((engine) => ({
    workflow: 'window.keep',
    tenantId,
    input: { items: itemsOf(engine, perEngine) },
  }));
  const observer = new Observer(pool, tenantId);
  const observing = observer.observe();
  const ids = await engines.start(runs);
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
  await observer.stop();
  await observing;
  const { rows } = await pool.query(
    `SELECT (SELECT sum(reserved_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1) AS reserved,
       (SELECT sum(settled_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1 AND scope = 'tenant') AS settled,
       (SELECT sum(cost_micro_usd)::int FROM tutti.ledger WHERE tenant_id = $1) AS cost,
       (SELECT count(*)::int FROM tutti.ledger WHERE tenant_id = $1 AND state = 'estimated') AS estimated,
       count(*) FILTER (WHERE degraded)::int AS degraded, count(*)::int AS steps
     FROM tutti.step WHERE tenant_id = $1 AND kind = 'task' AND status = 'succeeded'`,
    [tenantId],
  );
  const { looks, most } = observer;
  return { statuses, engines: owners.rows.length, looks, most, ...rows[0] };
}

/** Looks at a tenant's purses as often as it can, on a connection of its own. */
class Observer {
  looks = 0;
  most = 0;
  readonly #pool: pg.Pool;
  readonly #tenantId: number;
  #isOver = false;

  constructor(pool: pg.Pool, tenantId: number) {
    this.#pool = pool;
    this.#tenantId = tenantId;
  }

  async observe(): Promise<void> {
    while (!this.#isOver) {
      const { rows } = await this.#pool.query<{ most: number | null }>(
        'SELECT max(reserved_micro_usd + settled_micro_usd)::int AS most FROM tutti.budget WHERE tenant_id = $1',
        [this.#tenantId],
      );
      this.looks += 1;
      this.most = Math.max(this.most, rows[0]?.most ?? 0);
    }
  }

  async stop(): Promise<void> {
    this.#isOver = true;
  }
}
