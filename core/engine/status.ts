import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../ports/db/database.ts';
import { inSight, type Sight } from './history/sight.ts';
import type { EngineModule } from './modules/module-loads.ts';

/** Runs of a period, by what became of them. */
export interface RunCounts {
  /** Begun in the period, whatever has become of them. */
  readonly started: number;
  /** Ended in the period: whole or in part, failed, cancelled. */
  readonly completed: number;
  readonly partial: number;
  readonly failed: number;
  readonly cancelled: number;
  /** Those that completed among those that completed, ended in part or failed, 0 to 1; null: none did. */
  readonly successRate: number | null;
  /** Not ended, now. */
  readonly open: number;
}

/** What an installation has done in a period and how it is, from the database: it holds over restarts and for all engines. */
export interface SystemStatus {
  readonly at: Date;
  readonly since: Date;
  readonly version: string;
  readonly engine: {
    /** Whether an engine that is alive serves the database. */
    readonly running: boolean;
    readonly alive: number;
    readonly versions: readonly string[];
    /** Modules that were loaded while Tutti ran, by the engine that has them, goes without them, or could not load them. */
    readonly modules: readonly {
      readonly engine: string;
      readonly name: string;
      readonly state: EngineModule['state'];
    }[];
    /** Workflows that can be run. */
    readonly totalWorkflows: number;
  };
  readonly workflows: RunCounts;
  readonly agents: {
    /** Tries that ended in the period, those that were cancelled or lost left out. */
    readonly executed: number;
    readonly failed: number;
    readonly avgExecutionTimeMs: number | null;
    /** Steps that were tried again in the period. */
    readonly retried: number;
  };
  readonly rateLimiting: {
    /** Model calls of the period that were made and have ended. */
    readonly totalRequests: number;
    readonly totalTokens: number;
    /** What steps that could start waited for slots, limits and budgets on average; null: none has started. */
    readonly avgWaitMs: number | null;
  };
  readonly costTracking: { readonly totalCostMicroUsd: number; readonly totalTokens: number };
  readonly queue: { readonly ready: number; readonly running: number; readonly waiting: number };
  readonly people: { readonly openApprovals: number; readonly effectsInReview: number };
  readonly database: { readonly version: string; readonly answeredMs: number };
  /** Agents that were at work in the period, the busiest first, at most 100. */
  readonly usage: readonly { readonly agent: string; readonly usageCount: number }[];
}

type Counted = Omit<RunCounts, 'successRate'> & {
  readonly executed: number;
  readonly attemptsFailed: number;
  readonly avgMs: number | null;
  readonly retried: number;
  readonly requests: number;
  readonly tokens: number;
  readonly costMicroUsd: number;
  readonly waitMs: number | null;
  readonly ready: number;
  readonly running: number;
  readonly waiting: number;
  readonly approvals: number;
  readonly reviews: number;
  readonly server: string;
  readonly usage: SystemStatus['usage'] | null;
};

/** Tells how an installation is, as one tenant sees it; changes nothing and needs no engine. */
export class StatusReader {
  readonly #database: Pick<Database, 'rowsOf' | 'kysely'>;
  readonly #about: { readonly version: string; readonly totalWorkflows: () => number };

  constructor(
    database: Pick<Database, 'rowsOf' | 'kysely'>,
    about: { readonly version: string; readonly totalWorkflows: () => number },
  ) {
    this.#database = database;
    this.#about = about;
  }

  /** The status since a moment. Rehearsals do not count. @default now the present · sight everything of the tenant */
  async read(
    tenantId: number,
    options: { readonly since: Date; readonly now?: Date; readonly sight?: Sight },
  ): Promise<SystemStatus> {
    const { since, now = new Date(), sight } = options;
    const { version, totalWorkflows } = this.#about;
    const askedAt = performance.now();
    const engines = await this.#engines();
    const answeredMs = Math.round(performance.now() - askedAt);
    const rows = await this.#database.rowsOf(tenantId, countsOf(tenantId, since, sight));
    const row = rows[0] as Counted;
    const { requests, tokens, costMicroUsd } = row;
    return {
      ...{ at: now, since, version },
      engine: {
        running: engines.length > 0,
        alive: engines.length,
        versions: [...new Set(engines.map((engine) => engine.version))].sort(),
        modules: engines.flatMap(({ id: engine, modules }) =>
          (modules as readonly EngineModule[]).map(({ name, state }) => ({ engine, name, state })),
        ),
        totalWorkflows: totalWorkflows(),
      },
      workflows: runsOf(row),
      agents: {
        executed: row.executed,
        failed: row.attemptsFailed,
        avgExecutionTimeMs: row.avgMs,
        retried: row.retried,
      },
      rateLimiting: { totalRequests: requests, totalTokens: tokens, avgWaitMs: row.waitMs },
      costTracking: { totalCostMicroUsd: costMicroUsd, totalTokens: tokens },
      queue: { ready: row.ready, running: row.running, waiting: row.waiting },
      people: { openApprovals: row.approvals, effectsInReview: row.reviews },
      database: { version: row.server, answeredMs },
      usage: row.usage ?? [],
    };
  }

  /** The engines whose lease holds. */
  #engines(): Promise<
    readonly {
      readonly id: string;
      readonly version: string;
      readonly modules: unknown;
    }[]
  > {
    return this.#database
      .kysely('tutti_engine')
      .selectFrom('engine')
      .select(['id', 'version', 'modules'])
      .orderBy('id')
      .where('state', '<>', 'gone')
      .where('leaseUntil', '>', sql<Date>`now()`)
      .execute();
  }
}

function runsOf({ started, completed, partial, failed, cancelled, open }: Counted): RunCounts {
  const decided = completed + partial + failed;
  const successRate = decided > 0 ? completed / decided : null;
  return { started, completed, partial, failed, cancelled, successRate, open };
}

// Runs that had ended before the period are left out first: their table is the small one, and all others are found by run.
function countsOf(tenantId: number, since: Date, sight: Sight | undefined): RawBuilder<Counted> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  const of = (name: string) => sql`${own(name)} AND ${sql.ref(name)}.run_id = r.id`;
  return sql<Counted>`WITH runs AS MATERIALIZED (SELECT r.id, r.status, r.created_at, r.ended_at FROM tutti.run r
      WHERE ${own('r')} AND (r.ended_at IS NULL OR r.ended_at >= ${since}) AND NOT coalesce((r.pins->>'rehearsal')::boolean, false) ${inSight(sight)}),
    tries AS MATERIALIZED (SELECT s.agent, a.outcome, extract(epoch FROM a.ended_at - a.started_at) * 1000 AS ms FROM runs r JOIN tutti.attempt a ON ${of('a')}
      JOIN tutti.step s ON ${of('s')} AND s.id = a.step WHERE a.ended_at >= ${since} AND a.outcome NOT IN ('cancelled', 'lost')),
    steps AS MATERIALIZED (SELECT s.status, CASE WHEN s.started_at >= ${since} AND s.agent IS NOT NULL THEN extract(epoch FROM s.started_at - s.ready_at) * 1000 END AS waited
      FROM runs r JOIN tutti.step s ON ${of('s')}),
    calls AS MATERIALIZED (SELECT coalesce(l.cost_micro_usd, 0) AS cost, coalesce((l.tokens->>'input')::bigint, 0) + coalesce((l.tokens->>'output')::bigint, 0) AS tokens
      FROM runs r JOIN tutti.ledger l ON ${of('l')} JOIN tutti.entry e ON ${of('e')} AND e.seq = l.seq
      WHERE e.at >= ${since} AND l.state IN ('settled', 'estimated') AND NOT l.simulated)
    SELECT r.*, t.*, s.*, c.*, current_setting('server_version') AS server,
      (SELECT count(*) FROM runs r JOIN tutti.entry e ON ${of('e')} WHERE e.kind = 'step.retrying' AND e.at >= ${since})::int AS retried,
      ${openApprovals(tenantId, sight)} AS approvals,
      (SELECT count(*) FROM tutti.effect f WHERE ${own('f')} AND f.state = 'needs_review' ${effectInSight(sight, sql`f.company`)})::int AS reviews,
      (SELECT json_agg(json_build_object('agent', u.agent, 'usageCount', u.n) ORDER BY u.n DESC, u.agent)
        FROM (SELECT agent, count(*)::int AS n FROM tries WHERE agent IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT 100) u) AS usage
    FROM (SELECT count(*) FILTER (WHERE created_at >= ${since})::int AS started, count(*) FILTER (WHERE status = 'succeeded')::int AS completed,
        count(*) FILTER (WHERE status = 'partial')::int AS partial, count(*) FILTER (WHERE status = 'failed')::int AS failed,
        count(*) FILTER (WHERE status = 'cancelled')::int AS cancelled, count(*) FILTER (WHERE ended_at IS NULL)::int AS open FROM runs) r,
      (SELECT count(*)::int AS executed, count(*) FILTER (WHERE outcome NOT IN ('succeeded', 'batched', 'delegated'))::int AS attempts_failed, avg(ms)::float8 AS avg_ms FROM tries) t,
      (SELECT avg(waited)::float8 AS wait_ms, count(*) FILTER (WHERE status = 'ready')::int AS ready, count(*) FILTER (WHERE status = 'running')::int AS running,
        count(*) FILTER (WHERE status = 'waiting')::int AS waiting FROM steps) s,
      (SELECT count(*)::int AS requests, coalesce(sum(tokens), 0)::bigint AS tokens, coalesce(sum(cost), 0)::bigint AS cost_micro_usd FROM calls) c`;
}

/** An effect `f` is of its tool's module, whatever runs it. */
function effectInSight(
  sight: Sight | undefined,
  company: RawBuilder<unknown>,
): RawBuilder<unknown> {
  const { modules = null, companies = null } = sight ?? {};
  const ofCompanies = companies ? sql`AND ${company} = ANY(${[...companies]}::text[])` : sql``;
  const ofModules = modules
    ? sql`AND split_part(f.tool, '.', 1) = ANY(${[...modules]}::text[])`
    : sql``;
  return sql`${ofCompanies} ${ofModules}`;
}

// A question is of its effect's module and company; one of an approval node, and what its effect does not say, of its run's.
function openApprovals(tenantId: number, sight: Sight | undefined): RawBuilder<unknown> {
  const open = sql`a.tenant_id = ${tenantId} AND a.state = 'open'`;
  if (!sight?.modules && !sight?.companies)
    return sql`(SELECT count(*) FROM tutti.approval a WHERE ${open})::int`;
  return sql`(SELECT count(*) FROM tutti.approval a LEFT JOIN tutti.run r ON r.tenant_id = a.tenant_id AND r.id = a.run_id
      LEFT JOIN tutti.effect f ON f.tenant_id = a.tenant_id AND f.key = a.effect_key
      WHERE ${open} AND CASE WHEN a.effect_key IS NULL THEN true ${inSight(sight)}
        ELSE true ${effectInSight(sight, sql`coalesce(f.company, r.company)`)} END)::int`;
}
