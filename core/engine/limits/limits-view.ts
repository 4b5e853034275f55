import { sql } from 'kysely';
import type { RateLimit } from '../../ports/config.ts';
import type { Database } from '../../ports/db/database.ts';
import type { GateStats } from './gate.ts';
import { gateNames, isSimulated } from './gate-limits.ts';
import type { CallTotals } from './tally.ts';

/**
 * What is used of limits, and the limits: null where there is none, or where nobody counts. Minutes, hours and days end now;
 * the engine's hours and days are windows that began with their first call.
 */
export interface LimitUse {
  readonly rpmUsed: number | null;
  readonly rpmLimit: number | null;
  readonly rphUsed: number | null;
  readonly rphLimit: number | null;
  readonly rpdUsed: number | null;
  readonly rpdLimit: number | null;
  /** Input and output together. */
  readonly tpmUsed: number | null;
  readonly tpmLimit: number | null;
  readonly inputTpmUsed: number | null;
  readonly inputTpmLimit: number | null;
  readonly outputTpmUsed: number | null;
  readonly outputTpmLimit: number | null;
  /** Requests in any second. */
  readonly burstUsed: number | null;
  readonly burstLimit: number | null;
  /** Calls under way. */
  readonly concurrencyUsed: number;
  readonly concurrencyLimit: number | null;
  /** Until the provider is asked again, and what its refusals multiply the limits by; null: the ledger does not know. */
  readonly closedMs: number | null;
  readonly factor: number | null;
}

/** How far limits are used: what the engine of this process has counted, or what the ledger tells of all engines. */
export interface LimitsView {
  readonly source: 'engine' | 'ledger';
  readonly at: Date;
  readonly models: readonly ({ readonly model: string } & LimitUse)[];
  /** Limits of the tenant, of modules, tools and the ERP, `module:finance`: the engine's only. */
  readonly gates: readonly ({ readonly gate: string } & LimitUse)[];
  /** Since the engine began; from the ledger: of the last 24 hours. */
  readonly rateLimiting: {
    readonly totalRequests: number;
    readonly totalTokens: number;
    /** What a granted call had waited on average; null: the ledger does not know. */
    readonly avgWaitMs: number | null;
  };
  /** Of the last 24 hours, over all engines; of one tenant where one was asked for. */
  readonly costTracking: { readonly totalCostMicroUsd: number; readonly totalTokens: number };
}

/** What the broker of an engine tells. */
export interface EngineLimits {
  readonly gates: Readonly<Record<string, GateStats>>;
  readonly totals: CallTotals;
}

interface UsedRow {
  readonly model: string;
  readonly second: number;
  readonly minute: number;
  readonly hour: number;
  readonly day: number;
  readonly input: number;
  readonly output: number;
  readonly open: number;
  readonly dayTokens: number;
  readonly ownTokens: number;
  readonly ownMicroUsd: number;
}

const dayMs = 86_400_000;

/**
 * What the ledger says of the last minute, hour and day beside the configured limits, for a process without an engine. A model's
 * account is shared, so all tenants count, but for the cost, which is a tenant's own affair. Hours and days end now here, and tokens of calls under way are not known yet: an
 * engine's own figures are the exact ones. The totals are those of the last day.
 */
export async function readLedgerLimits(
  database: Pick<Database, 'kysely'>,
  limits: Readonly<Record<string, RateLimit>>,
  of: { readonly now: Date; readonly tenantId?: number },
): Promise<LimitsView> {
  const { now, tenantId = null } = of;
  const ago = (ms: number): Date => new Date(now.getTime() - ms);
  const { rows } = await sql<UsedRow>`WITH calls AS (
      SELECT l.model, l.state, e.at, ${tenantId}::int IS NULL OR l.tenant_id = ${tenantId} AS own, coalesce(l.cost_micro_usd, 0) AS cost,
        coalesce((l.tokens->>'input')::bigint, 0) AS input, coalesce((l.tokens->>'output')::bigint, 0) AS output
      FROM tutti.run r JOIN tutti.ledger l ON l.tenant_id = r.tenant_id AND l.run_id = r.id
      JOIN tutti.entry e ON e.tenant_id = l.tenant_id AND e.run_id = l.run_id AND e.seq = l.seq
      WHERE (r.ended_at IS NULL OR r.ended_at >= ${ago(dayMs)}) AND e.at > ${ago(dayMs)} AND l.state <> 'released' AND NOT l.simulated)
    SELECT model, count(*) FILTER (WHERE at > ${ago(1_000)})::int AS second, count(*) FILTER (WHERE at > ${ago(60_000)})::int AS minute, count(*) FILTER (WHERE at > ${ago(3_600_000)})::int AS hour,
      count(*)::int AS day, count(*) FILTER (WHERE state = 'reserved')::int AS open,
      coalesce(sum(input) FILTER (WHERE at > ${ago(60_000)}), 0)::bigint AS input,
      coalesce(sum(output) FILTER (WHERE at > ${ago(60_000)}), 0)::bigint AS output,
      sum(input + output)::bigint AS day_tokens, coalesce(sum(input + output) FILTER (WHERE own), 0)::bigint AS own_tokens,
      coalesce(sum(cost) FILTER (WHERE own), 0)::bigint AS own_micro_usd
    FROM calls GROUP BY model`.execute(database.kysely('tutti_engine'));
  const used = new Map(rows.map((row) => [row.model, row]));
  const models = [...new Set([...Object.keys(limits), ...used.keys()])].sort();
  const sum = (of: (row: UsedRow) => number): number => rows.reduce((all, row) => all + of(row), 0);
  return {
    source: 'ledger',
    at: now,
    models: models.map((model) => ({ model, ...useOf(limits[model] ?? {}, used.get(model)) })),
    gates: [],
    rateLimiting: {
      totalRequests: sum((row) => row.day),
      totalTokens: sum((row) => row.dayTokens),
      avgWaitMs: null,
    },
    costTracking: {
      totalCostMicroUsd: sum((row) => row.ownMicroUsd),
      totalTokens: sum((row) => row.ownTokens),
    },
  };
}

/** The same with what an engine has counted itself in place of what the ledger tells; gates of other tenants are left out. */
export function withEngineLimits(
  ledger: LimitsView,
  { gates, totals }: EngineLimits,
  tenantId: number,
): LimitsView {
  const known = Object.entries(gates).map(([gate, stats]) => ({ gate, use: gateUse(stats) }));
  const own = new Map(known.map(({ gate, use }) => [gate, use]));
  const named = (model: string) => ({ model, ...own.get(`${modelMark}${model}`) });
  const told = ledger.models.map((each) => ({ ...each, ...named(each.model) }));
  const untold = known.flatMap(({ gate, use }) => {
    const model = gate.startsWith(modelMark) ? gate.slice(modelMark.length) : null;
    if (model === null || told.some((each) => each.model === model)) return [];
    return [{ model, ...use }];
  });
  return {
    ...ledger,
    source: 'engine',
    models: [...told, ...untold],
    gates: known
      .filter(({ gate }) => isShown(gate, tenantId))
      .map(({ gate, use }) => ({ gate, ...use })),
    rateLimiting: {
      totalRequests: totals.requests,
      totalTokens: totals.tokens,
      avgWaitMs: totals.waits.averageMs,
    },
  };
}

const modelMark = 'model:';

/** Models have a list of their own, rehearsals spend nothing, and a tenant's limits are its own. */
function isShown(gate: string, tenantId: number): boolean {
  if (gate.startsWith(modelMark) || isSimulated(gate)) return false;
  const isTenants = gate.startsWith('tenant:') || gate.startsWith('erp:');
  return !isTenants || [gateNames.tenant(tenantId), gateNames.erp(tenantId)].includes(gate);
}

function gateUse({ limits, open, closedMs, factor }: GateStats): LimitUse {
  const used = (kind: keyof RateLimit): number | null => limits[kind]?.used ?? null;
  const limit = (kind: keyof RateLimit): number | null => limits[kind]?.limit ?? null;
  return {
    rpmUsed: used('requestsPerMinute'),
    rpmLimit: limit('requestsPerMinute'),
    rphUsed: used('requestsPerHour'),
    rphLimit: limit('requestsPerHour'),
    rpdUsed: used('requestsPerDay'),
    rpdLimit: limit('requestsPerDay'),
    tpmUsed: used('tokensPerMinute'),
    tpmLimit: limit('tokensPerMinute'),
    inputTpmUsed: used('inputTokensPerMinute'),
    inputTpmLimit: limit('inputTokensPerMinute'),
    outputTpmUsed: used('outputTokensPerMinute'),
    outputTpmLimit: limit('outputTokensPerMinute'),
    burstUsed: used('burst'),
    burstLimit: limit('burst'),
    concurrencyUsed: open,
    concurrencyLimit: limit('concurrency'),
    closedMs,
    factor,
  };
}

function useOf(limit: RateLimit, row: UsedRow | undefined): LimitUse {
  const { second = 0, minute = 0, hour = 0, day = 0, input = 0, output = 0, open = 0 } = row ?? {};
  return {
    rpmUsed: minute,
    rpmLimit: limit.requestsPerMinute ?? null,
    rphUsed: hour,
    rphLimit: limit.requestsPerHour ?? null,
    rpdUsed: day,
    rpdLimit: limit.requestsPerDay ?? null,
    tpmUsed: input + output,
    tpmLimit: limit.tokensPerMinute ?? null,
    inputTpmUsed: input,
    inputTpmLimit: limit.inputTokensPerMinute ?? null,
    outputTpmUsed: output,
    outputTpmLimit: limit.outputTokensPerMinute ?? null,
    burstUsed: second,
    burstLimit: limit.burst ?? null,
    concurrencyUsed: open,
    concurrencyLimit: limit.concurrency ?? null,
    closedMs: null,
    factor: null,
  };
}
