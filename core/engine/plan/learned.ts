import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../ports/db/database.ts';
import { medianOf } from '../batches/times.ts';
import { endedAttempts, type SampleRow, toSample } from '../schedule/attempt-samples.ts';
import { Durations } from '../schedule/durations.ts';

/** Runs of the past that a plan learns from. */
const runsRead = 20;
/** From so many steps on an agent's costs say what the next one will. */
const enoughSteps = 3;
/** So many batches of a model, the newest, say what the next one takes. */
const batchesKept = 20;

interface CostMean {
  readonly agent: string;
  readonly model: string;
  /** Whether steps are meant whose calls went by batches, some at least. */
  readonly batch: boolean;
  readonly steps: number;
  readonly meanMicroUsd: number;
}

interface BatchTime {
  readonly model: string;
  readonly ms: number;
}

function nameOf({ agent, model, batch }: Pick<CostMean, 'agent' | 'model' | 'batch'>): string {
  return `${agent} ${model} ${batch}`;
}

/** What the newest runs that called models say of what agents take. Rehearsals are no history. */
export class Learned {
  readonly durations: Durations;
  readonly #costs: ReadonlyMap<string, CostMean>;

  readonly #batches: ReadonlyMap<string, readonly BatchTime[]>;

  constructor(
    durations: Durations,
    of: { readonly costs: readonly CostMean[]; readonly batches: readonly BatchTime[] },
  ) {
    this.durations = durations;
    this.#costs = new Map(of.costs.map((row) => [nameOf(row), row]));
    this.#batches = Map.groupBy(of.batches, ({ model }) => model);
  }

  /** What batches of a model have taken, milliseconds; undefined: none was seen. */
  batchMs(model: string): number | undefined {
    const seen = this.#batches.get(model) ?? [];
    return medianOf(seen.slice(-batchesKept).map(({ ms }) => ms));
  }

  /** What a step of an agent has cost with a model, directly or by batches, micro-USD; null: too few have run to say. */
  costOf(agent: string, model: string, batch: boolean): number | null {
    const mean = this.#costs.get(nameOf({ agent, model, batch }));
    return mean && mean.steps >= enoughSteps ? mean.meanMicroUsd : null;
  }
}

/** Reads what a tenant's newest runs have taken. */
export async function readLearned(
  database: Pick<Database, 'rowsOf'>,
  tenantId: number,
): Promise<Learned> {
  const rows = <T>(query: RawBuilder<T>) => database.rowsOf(tenantId, query);
  const durations = new Durations();
  for (const row of await rows<SampleRow>(endedAttempts(tenantId, runsRead))) {
    const sample = toSample(row);
    if (sample) durations.learn(sample);
  }
  const costs = await rows(costMeans(tenantId));
  return new Learned(durations, { costs, batches: await rows(batchTimes(tenantId)) });
}

/** What steps have cost on average, by agent and model. Ledger rows are found by run, as their primary key begins with it. */
function costMeans(tenantId: number): RawBuilder<CostMean> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql<CostMean>`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND ended_at IS NOT NULL
      AND NOT coalesce((pins->>'rehearsal')::boolean, false) ORDER BY id DESC LIMIT ${runsRead}),
    steps AS (SELECT s.agent, l.model, l.run_id, l.step, sum(l.cost_micro_usd) AS cost, bool_or(l.batch) AS batch FROM runs
      JOIN tutti.ledger l ON ${own('l')} AND l.run_id = runs.id
      JOIN tutti.step s ON ${own('s')} AND s.run_id = l.run_id AND s.id = l.step
      WHERE l.state IN ('settled', 'estimated') AND NOT l.simulated AND s.status = 'succeeded' GROUP BY 1, 2, 3, 4)
    SELECT agent, model, batch, count(*)::int AS steps, round(avg(cost))::bigint AS mean_micro_usd FROM steps GROUP BY 1, 2, 3`;
}

/** What batches took that ended by themselves, the newest last. */
function batchTimes(tenantId: number): RawBuilder<BatchTime> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql<BatchTime>`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ${runsRead})
    SELECT e.data->>'model' AS model, (e.data->>'durationMs')::float8 AS ms FROM runs
    JOIN tutti.entry e ON ${own('e')} AND e.run_id = runs.id AND e.kind = 'batch.ended'
    WHERE e.data ? 'durationMs' ORDER BY e.run_id, e.seq`;
}
