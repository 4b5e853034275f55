import { monitorEventLoopDelay } from 'node:perf_hooks';
import { sql } from 'kysely';
import type { GaugeName } from '../core/base/telemetry/instruments.ts';
import type { Metrics, Observe } from '../core/base/telemetry/metrics.ts';
import type { Engine } from '../core/engine/engine.ts';
import type { Database } from '../core/ports/db/database.ts';

/** How often the event loop is looked at, milliseconds. */
const delayEveryMs = 20;

/**
 * Shows what is now, each time that somebody asks for the metrics: of this process, of its engine, and, by one query, of the database.
 * Returns how to end it.
 */
export function watchGauges(
  metrics: Metrics,
  { engine, database }: { readonly engine: Engine; readonly database: Pick<Database, 'kysely'> },
): () => void {
  const delay = monitorEventLoopDelay({ resolution: delayEveryMs });
  delay.enable();
  const ends = [
    metrics.observe((observe) => {
      // It measures the time between two looks.
      const late = (ns: number): number => Math.max(0, ns / 1e9 - delayEveryMs / 1_000);
      observe('nodejs.eventloop.delay.p50', late(delay.percentile(50)), {});
      observe('nodejs.eventloop.delay.p99', late(delay.percentile(99)), {});
      observe('nodejs.eventloop.delay.max', late(delay.max), {});
      delay.reset();
      observeProcess(observe);
    }),
    metrics.observe((observe) => observeEngine(engine, observe)),
    metrics.observe((observe) => observeDatabase(database, observe)),
    () => delay.disable(),
  ];
  return () => {
    for (const end of ends) end();
  };
}

function observeProcess(observe: Observe): void {
  const { user, system } = process.cpuUsage();
  observe('process.cpu.time', user / 1e6, { 'cpu.mode': 'user' });
  observe('process.cpu.time', system / 1e6, { 'cpu.mode': 'system' });
  observe('process.memory.usage', process.memoryUsage.rss(), {});
  observe('process.uptime', process.uptime(), {});
}

function observeEngine({ vitals, limits }: Engine, observe: Observe): void {
  const { runs, running, waiting, lanes } = vitals;
  observe('tutti.runs.open', runs, {});
  observe('tutti.steps.running', running, {});
  observe('tutti.queue.length', waiting, {});
  observe('tutti.lanes', lanes.lanes, { state: 'wanted' });
  observe('tutti.lanes', lanes.ready, { state: 'ready' });
  observe('tutti.lanes', lanes.zombies, { state: 'zombies' });
  observe('tutti.lanes', lanes.least ?? lanes.lanes, { state: 'least' });
  observe('tutti.lanes', lanes.most ?? lanes.lanes, { state: 'most' });
  observe('tutti.lanes', lanes.apart ?? 0, { state: 'apart' });
  if (lanes.machines) {
    const far = lanes.machines.lanes.filter(({ isReady }) => isReady);
    observe('tutti.lanes', far.length, { state: 'machines' });
  }
  observe('tutti.lane.restarts', lanes.restarts ?? 0, {});
  for (const { gate, limit, share } of usedLimits(limits))
    observe('tutti.limit.used', share, { gate, limit });
}

/** What is used of each limit; of tenants' own, the largest share. */
function usedLimits({ gates }: Engine['limits']) {
  const shares = new Map<string, { gate: string; limit: string; share: number }>();
  for (const [name, { limits }] of Object.entries(gates)) {
    if (name.startsWith('simulated')) continue;
    const gate = name.replace(/^(tenant|erp):\d+$/, '$1');
    for (const [limit, { used, limit: whole }] of Object.entries(limits)) {
      const share = whole > 0 ? used / whole : 0;
      const known = shares.get(`${gate} ${limit}`);
      if (!known || known.share < share) shares.set(`${gate} ${limit}`, { gate, limit, share });
    }
  }
  return shares.values();
}

type Row =
  | { readonly name: GaugeName; readonly value: number; readonly scope: null }
  | { readonly name: 'tutti.budget.used'; readonly value: number; readonly scope: string };

/** What stands in the database, over all engines. The parts for counts read indexes of what is open. */
async function observeDatabase(
  database: Pick<Database, 'kysely'>,
  observe: Observe,
): Promise<void> {
  const { rows } = await sql<Row>`
    SELECT 'tutti.approvals.open' AS name, count(*)::float8 AS value, NULL AS scope FROM tutti.approval WHERE state = 'open'
    UNION ALL SELECT 'tutti.effects.in_review', count(*)::float8, NULL FROM tutti.effect WHERE state = 'needs_review'
    UNION ALL SELECT 'tutti.hooks.waiting', count(*)::float8, NULL FROM tutti.hook_firing WHERE state IN ('pending', 'waiting', 'claimed', 'starting')
    UNION ALL SELECT 'tutti.hooks.dead', count(*)::float8, NULL FROM tutti.hook_firing WHERE state = 'dead'
    UNION ALL SELECT 'tutti.deliveries.waiting', count(*)::float8, NULL FROM tutti.delivery WHERE state = 'pending'
    UNION ALL (SELECT 'tutti.budget.used', max((reserved_micro_usd + settled_micro_usd) / nullif(limit_micro_usd, 0)::float8), scope
      FROM tutti.budget WHERE period = (now() AT TIME ZONE 'UTC')::date AND scope NOT LIKE 'simulated %' GROUP BY scope ORDER BY 2 DESC NULLS LAST LIMIT 100)`.execute(
    database.kysely('tutti_engine'),
  );
  for (const { name, value, scope } of rows) {
    if (scope === null) observe(name, value, {} as never);
    else if (value !== null) observe(name, value, { scope });
  }
}
