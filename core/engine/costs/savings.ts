import { type RawBuilder, sql } from 'kysely';
import type { ErrorCode } from '../../base/errors.ts';
import type { Database } from '../../ports/db/database.ts';
import { batchPrice, type Price, type PriceOverrides, priceOf } from '../../ports/models/prices.ts';
import { inSight, type Sight } from '../history/sight.ts';
import {
  compareModels,
  type ModelComparison,
  type ModelRecord,
  withBounds,
} from './saving-verdict.ts';

/** Which models an agent has run on, and where a cheaper one would have done. */
export interface AgentSaving {
  /** `module.agent` */
  readonly agent: string;
  /** The dearest first. */
  readonly models: readonly ModelRecord[];
  readonly comparisons: readonly ModelComparison[];
  /** With the cheaper model that would have saved most. */
  readonly savedMicroUsd: number;
}

/** Where cheaper models would have done, over some days. */
export interface SavingView {
  readonly days: number;
  readonly since: Date;
  readonly savedMicroUsd: number;
  /** The greatest saving first. */
  readonly agents: readonly AgentSaving[];
}

const dayMs = 86_400_000;

/** Failures that say something of the model: what it answered was none. Of others (the ERP, the provider, a limit) it is not the cause. */
const ownFailures: readonly ErrorCode[] = [
  'OUTPUT_INVALID',
  'TURNS_EXHAUSTED',
  'MODEL_REPLY_INVALID',
  'MODEL_REFUSED',
  'AGENT_TIMEOUT',
];

/** Reads from the journal where a cheaper model would have done; no model is called for it, and nothing is changed. */
export class Savings {
  readonly #database: Pick<Database, 'rowsOf'>;
  readonly #prices: PriceOverrides;

  /** `prices`: those of the configuration, which come before the table's. */
  constructor(database: Pick<Database, 'rowsOf'>, prices: PriceOverrides = {}) {
    this.#database = database;
    this.#prices = prices;
  }

  /** Of the steps that have ended in the last `days` times 24 hours, rehearsals left out. @default now the present */
  async read(
    tenantId: number,
    options: { readonly days: number; readonly now?: Date; readonly sight?: Sight },
  ): Promise<SavingView> {
    const { days, now = new Date(), sight } = options;
    const since = new Date(now.getTime() - days * dayMs);
    const models = await this.#database.rowsOf(tenantId, modelsSince(tenantId, since));
    const prices = models.flatMap(({ model }) => pricesOf(model, this.#prices));
    const rows = await this.#database.rowsOf(
      tenantId,
      recordsSince(tenantId, { since, prices, sight }),
    );
    const agents = [...Map.groupBy(rows, ({ agent }) => agent)]
      .map(([agent, records]) => savingOf(agent, records))
      .sort((a, b) => b.savedMicroUsd - a.savedMicroUsd || a.agent.localeCompare(b.agent));
    const savedMicroUsd = agents.reduce((sum, each) => sum + each.savedMicroUsd, 0);
    return { days, since, savedMicroUsd, agents };
  }
}

type RecordRow = Omit<ModelRecord, 'least' | 'most'> & { readonly agent: string };

function savingOf(agent: string, rows: readonly RecordRow[]): AgentSaving {
  const models = rows
    .map(({ agent: _, ...record }) => withBounds(record))
    .sort(
      (a, b) => (b.stepMicroUsd ?? -1) - (a.stepMicroUsd ?? -1) || a.model.localeCompare(b.model),
    );
  const comparisons = compareModels(models);
  const byCheaper = Map.groupBy(comparisons, ({ cheaper }) => cheaper);
  const sums = [...byCheaper.values()].map((each) =>
    each.reduce((sum, { savedMicroUsd }) => sum + savedMicroUsd, 0),
  );
  return { agent, models, comparisons, savedMicroUsd: Math.max(0, ...sums) };
}

/** A model's rates as the statement reads them, micro-USD per million tokens. */
interface PriceRow {
  readonly model: string;
  readonly batch: boolean;
  /** Input tokens above which `long` holds. */
  readonly above: number | null;
  readonly rates: readonly number[];
  readonly long: readonly number[];
}

/** None for a model without a price. */
function pricesOf(model: string, overrides: PriceOverrides): readonly PriceRow[] {
  let listed: Price;
  try {
    listed = priceOf(model, overrides);
  } catch {
    // A model of former days: what its steps cost today nobody can say.
    return [];
  }
  return [listed, batchPrice(listed)].map((price, index) => {
    const { long } = price;
    const rates = ratesOf(price);
    return {
      ...{ model, batch: index === 1, rates },
      above: long?.aboveInputTokens ?? null,
      long: long ? ratesOf(long) : rates,
    };
  });
}

function ratesOf(price: Pick<Price, 'input' | 'cachedInput' | 'cacheWrite' | 'output'>) {
  return [price.input, price.cachedInput, price.cacheWrite, price.output];
}

/** Ended steps of agents since a moment, in runs that were none of rehearsals. */
function endedSteps(tenantId: number, since: Date, sight?: Sight): RawBuilder<unknown> {
  return sql`SELECT s.run_id, s.id AS step, s.agent, s.status = 'succeeded' AND NOT s.degraded AS is_done
    FROM tutti.run r JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = r.id
    WHERE r.tenant_id = ${tenantId} AND (r.ended_at IS NULL OR r.ended_at >= ${since}) AND NOT coalesce((r.pins->>'rehearsal')::boolean, false)
      AND s.agent IS NOT NULL AND s.ended_at >= ${since} ${inSight(sight)}`;
}

function modelsSince(tenantId: number, since: Date): RawBuilder<{ readonly model: string }> {
  return sql`WITH work AS (${endedSteps(tenantId, since)})
    SELECT DISTINCT l.model FROM work w JOIN tutti.ledger l ON l.tenant_id = ${tenantId} AND l.run_id = w.run_id AND l.step = w.step
    WHERE l.state IN ('settled', 'estimated') AND NOT l.simulated`;
}

/**
 * A row for each agent and model. A step's model is the one that was called last for it; one that was called before it is judged only by a
 * failure of its own. A turn that was neither answered by tools nor the last was one to be repaired.
 */
function recordsSince(
  tenantId: number,
  of: {
    readonly since: Date;
    readonly prices: readonly PriceRow[];
    readonly sight: Sight | undefined;
  },
): RawBuilder<RecordRow> {
  const { since, prices, sight } = of;
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  const token = (name: string) => sql`(l.tokens->>${sql.lit(name)})::numeric`;
  const rate = (index: number) =>
    sql`(CASE WHEN ${token('input')} > p.above THEN p.long ELSE p.rates END->>${sql.lit(index)})::numeric`;
  const plain = sql`(${token('input')} - ${token('cachedInput')} - ${token('cacheWrite')})`;
  const cost = sql`ceil((${plain} * ${rate(0)} + ${token('cachedInput')} * ${rate(1)} + ${token('cacheWrite')} * ${rate(2)} + ${token('output')} * ${rate(3)}) / 1000000)`;
  const marked = (why: string) => sql`count(*) FILTER (WHERE ${sql.lit(why)} = ANY(whys))::int`;
  return sql<RecordRow>`WITH work AS MATERIALIZED (${endedSteps(tenantId, since, sight)}),
    price AS (SELECT * FROM jsonb_to_recordset(${JSON.stringify(prices)}::jsonb) AS p(model text, batch boolean, above numeric, rates jsonb, long jsonb)),
    call AS MATERIALIZED (
      SELECT w.run_id, w.step, l.seq, l.model, coalesce(e.data->>'agent', w.agent) AS agent, coalesce(e.attempt, 1) AS attempt,
        (e.data->>'turn')::int AS turn, ${cost} AS today
      FROM work w JOIN tutti.ledger l ON ${own('l')} AND l.run_id = w.run_id AND l.step = w.step AND l.state IN ('settled', 'estimated') AND NOT l.simulated
      LEFT JOIN tutti.entry e ON ${own('e')} AND e.run_id = l.run_id AND e.seq = l.seq
      LEFT JOIN price p ON p.model = l.model AND p.batch = l.batch),
    last AS (SELECT DISTINCT ON (run_id, step) run_id, step, model FROM call ORDER BY run_id, step, seq DESC),
    said AS (SELECT DISTINCT ON (run_id, step, turn) run_id, step, turn, model FROM call WHERE turn IS NOT NULL ORDER BY run_id, step, turn, seq DESC),
    answered AS (SELECT DISTINCT w.run_id, w.step, (e.data->>'turn')::int AS turn FROM work w
      JOIN tutti.entry e ON ${own('e')} AND e.run_id = w.run_id AND e.step = w.step AND e.kind = 'turn.answered'),
    blame AS (
      SELECT DISTINCT ON (a.run_id, a.step, a.no) a.run_id, a.step, c.model, 'failed' AS why
      FROM call c JOIN tutti.attempt a ON ${own('a')} AND a.run_id = c.run_id AND a.step = c.step AND c.attempt <= a.no
        AND a.error->>'code' = ANY(${[...ownFailures]}::text[])
      ORDER BY a.run_id, a.step, a.no, c.seq DESC),
    repaired AS (
      SELECT s.run_id, s.step, s.model, 'repaired' AS why FROM said s JOIN said n USING (run_id, step)
      WHERE n.turn = s.turn + 1 AND NOT EXISTS (SELECT FROM answered d WHERE d.run_id = s.run_id AND d.step = s.step AND d.turn = s.turn)),
    refused AS (
      SELECT l.run_id, l.step, l.model, 'refused' AS why FROM last l
      JOIN tutti.effect f ON ${own('f')} AND f.run_id = l.run_id AND f.step = l.step
      JOIN tutti.approval q ON ${own('q')} AND q.effect_key = f.key AND q.state = 'refused'),
    ignored AS (
      SELECT l.run_id, l.step, l.model, 'ignored' AS why FROM last l
      JOIN tutti.finding f ON ${own('f')} AND f.run_id = l.run_id AND f.step = l.step
      JOIN tutti.triage t ON ${own('t')} AND t.fingerprint = f.fingerprint AND t.state = 'ignored'),
    blamed AS (SELECT run_id, step, model, array_agg(DISTINCT why) AS whys
      FROM (TABLE blame UNION ALL TABLE repaired UNION ALL TABLE refused UNION ALL TABLE ignored) b GROUP BY run_id, step, model),
    part AS (SELECT run_id, step, agent, model, sum(today) AS today, bool_and(today IS NOT NULL) AS is_priced FROM call GROUP BY run_id, step, agent, model),
    alone AS (SELECT run_id, step FROM part GROUP BY run_id, step HAVING count(*) = 1),
    judged AS (
      SELECT p.agent, p.model, b.whys, CASE WHEN b.whys IS NOT NULL THEN false WHEN l.model = p.model AND w.is_done THEN true END AS is_good,
        CASE WHEN a.step IS NOT NULL AND p.is_priced THEN p.today END AS today
      FROM part p JOIN work w USING (run_id, step) JOIN last l USING (run_id, step)
      LEFT JOIN alone a USING (run_id, step)
      LEFT JOIN blamed b ON b.run_id = p.run_id AND b.step = p.step AND b.model = p.model)
    SELECT agent, model, count(*)::int AS steps, count(is_good)::int AS judged, count(*) FILTER (WHERE is_good)::int AS good,
      ${marked('failed')} AS failed, ${marked('repaired')} AS repaired, ${marked('refused')} AS refused, ${marked('ignored')} AS ignored,
      round(avg(today))::bigint AS step_micro_usd
    FROM judged GROUP BY agent, model`;
}
