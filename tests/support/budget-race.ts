import { setTimeout as wait } from 'node:timers/promises';
import type pg from 'pg';
import { Store } from '../../core/engine/store/store.ts';
import { eventually } from './eventually.ts';
import { type FreshDatabase, freshDatabase } from './postgres.ts';
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

/** 500 agents on one budget, half of them on each of two engines, until so many rounds were raced by both. */
export async function raceBudget(
  rounds: number,
  tenantDailyMicroUsd = limitMicroUsd,
): Promise<readonly RoundSeen[]> {
  const fresh = await freshDatabase();
  await fresh.database.admin((client) => client.query(watchSql));
  const server = await startWindowServer({ allowance: {}, turns, tool: lookTool, latencyMs: 5 });
  const models = { standard: [{ model: 'first', baseUrl: server.baseUrl('openai') }] };
  const config = windowConfig({ models, budgets: { tenantDailyMicroUsd } });
  const engines = await startEngines(fresh, [config, config]);
  const pool = fresh.database.pool('tutti_engine', 1);
  try {
    const seen: RoundSeen[] = [];
    while (
      seen.filter(({ engines: raced }) => raced > 1).length < rounds &&
      seen.length < 3 * (rounds + 1)
    )
      seen.push(await race({ fresh, pool, engines }, `race-${seen.length}`));
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
    await eventually(async () => (await server.seen()).length >= 0.9 * allowance.requestsPerMinute);
    // Until nothing comes any more: the account is used up.
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

interface Racing {
  readonly fresh: FreshDatabase;
  readonly pool: pg.Pool;
  readonly engines: RacingEngines;
}

async function race({ fresh, pool, engines }: Racing, name: string): Promise<RoundSeen> {
  const tenantId = await new Store(pool).tenant(name);
  const runs = ['a', 'b'].map((engine) => ({
    workflow: 'window.keep',
    tenantId,
    input: { items: itemsOf(engine, perEngine) },
  }));
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
  const { rows } = await pool.query(
    `SELECT (SELECT sum(reserved_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1) AS reserved,
       (SELECT sum(settled_micro_usd)::int FROM tutti.budget WHERE tenant_id = $1 AND scope = 'tenant') AS settled,
       (SELECT sum(cost_micro_usd)::int FROM tutti.ledger WHERE tenant_id = $1) AS cost,
       (SELECT count(*)::int FROM tutti.ledger WHERE tenant_id = $1 AND state = 'estimated') AS estimated,
       count(*) FILTER (WHERE degraded)::int AS degraded, count(*)::int AS steps
     FROM tutti.step WHERE tenant_id = $1 AND kind = 'task' AND status = 'succeeded'`,
    [tenantId],
  );
  const { rows: held } = await fresh.database.admin((client) =>
    client.query(
      'SELECT count(*)::int AS changes, max(held)::int AS most FROM watch.purse WHERE tenant_id = $1',
      [tenantId],
    ),
  );
  return { statuses, engines: owners.rows.length, ...held[0], ...rows[0] };
}
