import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../ports/db/database.ts';
import { inSight, type Sight } from '../history/sight.ts';
import { periodOf } from '../limits/purse.ts';
import type { CostWay } from './cost-ways.ts';

/** Sums over model calls, in micro-USD and tokens, exact. */
export interface CostSums {
  /** Calls that were made and have ended. */
  readonly calls: number;
  /** What they cost: what was billed, and what had to be taken as billed. */
  readonly costMicroUsd: number;
  /** Those of them whose usage nobody knows: they count as their upper bound. */
  readonly estimatedCalls: number;
  readonly estimatedMicroUsd: number;
  /** Those of them that went through a provider's batches. */
  readonly batchCalls: number;
  readonly batchMicroUsd: number;
  /** Calls under way, and what they may cost at most; in no other sum. */
  readonly openCalls: number;
  readonly reservedMicroUsd: number;
  /** As the provider counted them: `input` includes `cachedInput` and `cacheWrite`, `output` includes `reasoning`. */
  readonly tokens: {
    readonly input: number;
    readonly cachedInput: number;
    readonly cacheWrite: number;
    readonly output: number;
    readonly reasoning: number;
  };
}

/** The sums of one model, module, workflow, agent, run or day. */
export interface CostRow extends CostSums {
  /** A run's id, a day as `YYYY-MM-DD`, else a name. */
  readonly name: string;
  /** Of a run. */
  readonly workflow: string | null;
  /** Of a day: what it cost more than the day before. */
  readonly changeMicroUsd: number | null;
}

/** What models cost over some days. */
export interface CostView {
  readonly by: CostWay;
  /** UTC days, today included. */
  readonly days: number;
  /** The first of them, `YYYY-MM-DD`. */
  readonly since: string;
  /** Whether these are the calls of rehearsals, which nobody pays, or the real ones; the sums never mix them. */
  readonly simulated: boolean;
  readonly total: CostSums;
  /** The dearest first; days in their order, each of them. */
  readonly rows: readonly CostRow[];
  /** Rows that are not listed; the total has them. */
  readonly left: number;
  /** Calls of the other kind in the same days: in none of the sums. */
  readonly apart: { readonly calls: number; readonly costMicroUsd: number };
}

const dayMs = 86_400_000;
const largestList = 1_000;

/** What model calls cost, read from the ledger as one tenant; changes nothing and needs no engine. */
export class Costs {
  readonly #database: Pick<Database, 'rowsOf'>;

  constructor(database: Pick<Database, 'rowsOf'>) {
    this.#database = database;
  }

  /** The costs of today and the days before. @default simulated false · now the present */
  async read(
    tenantId: number,
    options: {
      readonly by: CostWay;
      readonly days: number;
      readonly simulated?: boolean;
      readonly now?: Date;
      readonly sight?: Sight;
    },
  ): Promise<CostView> {
    const { by, days, simulated = false, now = new Date(), sight } = options;
    const since = periodOf(now.getTime() - (days - 1) * dayMs);
    const query = costsOf(tenantId, { by, since, simulated, sight });
    const rows = await this.#database.rowsOf(tenantId, query);
    const [first, ...groups] = rows as [SumRow, ...SumRow[]];
    const named = groups.map((row) => rowOf(row));
    const { apartCalls, apartMicroUsd, dayBeforeMicroUsd } = first;
    return {
      by,
      days,
      since,
      simulated,
      total: sumsOf(first),
      rows:
        by === 'day'
          ? everyDay(named, { since, today: periodOf(now.getTime()), before: dayBeforeMicroUsd })
          : named,
      left: first.groups - groups.length,
      apart: { calls: apartCalls, costMicroUsd: apartMicroUsd },
    };
  }
}

/** Days without a call, too, and what each cost more than the one before it. */
function everyDay(
  rows: readonly CostRow[],
  span: { readonly since: string; readonly today: string; readonly before: number },
): readonly CostRow[] {
  const known = new Map(rows.map((row) => [row.name, row]));
  // An engine whose clock is ahead may have written of tomorrow.
  const last = [...known.keys(), span.today].reduce((a, b) => (a > b ? a : b));
  const days: CostRow[] = [];
  let before = span.before;
  for (let day = span.since; day <= last; day = periodOf(Date.parse(day) + dayMs)) {
    const row = known.get(day) ?? { name: day, workflow: null, changeMicroUsd: null, ...nothing };
    days.push({ ...row, changeMicroUsd: row.costMicroUsd - before });
    before = row.costMicroUsd;
  }
  return days;
}

const nothing: CostSums = {
  calls: 0,
  costMicroUsd: 0,
  estimatedCalls: 0,
  estimatedMicroUsd: 0,
  batchCalls: 0,
  batchMicroUsd: 0,
  openCalls: 0,
  reservedMicroUsd: 0,
  tokens: { input: 0, cachedInput: 0, cacheWrite: 0, output: 0, reasoning: 0 },
};

type SumRow = Omit<CostSums, 'tokens'> &
  CostSums['tokens'] & {
    readonly name: string | null;
    readonly workflow: string | null;
    readonly groups: number;
    readonly apartCalls: number;
    readonly apartMicroUsd: number;
    readonly dayBeforeMicroUsd: number;
  };

function rowOf(row: SumRow): CostRow {
  const { name, workflow } = row;
  return { name: name ?? '', workflow, changeMicroUsd: null, ...sumsOf(row) };
}

function sumsOf(row: SumRow): CostSums {
  const { calls, costMicroUsd, estimatedCalls, estimatedMicroUsd, batchCalls, batchMicroUsd } = row;
  const { openCalls, reservedMicroUsd } = row;
  const { input, cachedInput, cacheWrite, output, reasoning } = row;
  return {
    calls,
    costMicroUsd,
    estimatedCalls,
    estimatedMicroUsd,
    batchCalls,
    batchMicroUsd,
    openCalls,
    reservedMicroUsd,
    tokens: { input, cachedInput, cacheWrite, output, reasoning },
  };
}

/** Calls are the purses': their day is the one that paid, and their module the one whose agent asked. */
const nameOf: Readonly<Record<CostWay, RawBuilder<string>>> = {
  model: sql`l.model`,
  module: sql`coalesce(e.data->>'module', split_part(s.agent, '.', 1), '')`,
  workflow: sql`r.workflow`,
  agent: sql`coalesce(e.data->>'agent', s.agent, '')`,
  run: sql`r.id::text`,
  day: sql`to_char(coalesce((e.data->>'period')::date, (coalesce(e.at, r.created_at) AT TIME ZONE 'UTC')::date), 'YYYY-MM-DD')`,
};

/**
 * One statement, one snapshot: the first row is the total, the others are its parts. Runs that had ended before are left out
 * first; ledger, entries and steps are found by run. Sums of bigint are numeric and go back to bigint, so that one beyond 2^53 is an
 * error and never a rounded number.
 */
function costsOf(
  tenantId: number,
  of: {
    readonly by: CostWay;
    readonly since: string;
    readonly simulated: boolean;
    readonly sight: Sight | undefined;
  },
): RawBuilder<SumRow> {
  const { by, since, simulated, sight } = of;
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  const token = (name: string) =>
    sql`coalesce(sum((tokens->>${sql.lit(name)})::bigint) FILTER (WHERE made), 0)::bigint`;
  const amount = (what: RawBuilder<unknown>, where: RawBuilder<unknown>) =>
    sql`coalesce(sum(${what}) FILTER (WHERE ${where}), 0)::bigint`;
  const order = by === 'day' ? sql`name` : sql`cost_micro_usd DESC, reserved_micro_usd DESC, name`;
  return sql<SumRow>`WITH calls AS MATERIALIZED (
      SELECT ${nameOf[by]} AS name, ${nameOf.day} AS day, r.workflow, l.simulated, l.batch, l.tokens, l.reserved_micro_usd AS bound,
        l.cost_micro_usd AS cost, l.state IN ('settled', 'estimated') AS made, l.state = 'estimated' AS guessed, l.state = 'reserved' AS open
      FROM tutti.run r JOIN tutti.ledger l ON ${own('l')} AND l.run_id = r.id
      LEFT JOIN tutti.entry e ON ${own('e')} AND e.run_id = l.run_id AND e.seq = l.seq
      LEFT JOIN tutti.step s ON ${own('s')} AND s.run_id = l.run_id AND s.id = l.step
      WHERE l.state <> 'released' AND ${own('r')} AND (r.ended_at IS NULL OR r.ended_at >= ((${since}::date - 1)::timestamp AT TIME ZONE 'UTC')) ${inSight(sight)}),
    within AS (SELECT * FROM calls WHERE day >= ${since} AND simulated = ${simulated}),
    sums AS (SELECT grouping(name) AS is_total, name, ${by === 'run' ? sql`min(workflow)` : sql`NULL`} AS workflow,
      count(*) FILTER (WHERE made)::int AS calls, ${amount(sql`cost`, sql`made`)} AS cost_micro_usd,
      count(*) FILTER (WHERE guessed)::int AS estimated_calls, ${amount(sql`cost`, sql`guessed`)} AS estimated_micro_usd,
      count(*) FILTER (WHERE made AND batch)::int AS batch_calls, ${amount(sql`cost`, sql`made AND batch`)} AS batch_micro_usd,
      count(*) FILTER (WHERE open)::int AS open_calls, ${amount(sql`bound`, sql`open`)} AS reserved_micro_usd,
      ${token('input')} AS input, ${token('cachedInput')} AS cached_input, ${token('cacheWrite')} AS cache_write,
      ${token('output')} AS output, ${token('reasoning')} AS reasoning
      FROM within GROUP BY GROUPING SETS ((name), ()))
    SELECT *, (count(*) OVER () - 1)::int AS groups,
      (SELECT count(*)::int FROM calls WHERE day >= ${since} AND simulated <> ${simulated} AND made) AS apart_calls,
      (SELECT coalesce(sum(cost), 0)::bigint FROM calls WHERE day >= ${since} AND simulated <> ${simulated} AND made) AS apart_micro_usd,
      (SELECT coalesce(sum(cost), 0)::bigint FROM calls WHERE day = to_char(${since}::date - 1, 'YYYY-MM-DD') AND simulated = ${simulated} AND made) AS day_before_micro_usd
    FROM sums ORDER BY is_total DESC, ${order} LIMIT ${largestList + 1}`;
}
