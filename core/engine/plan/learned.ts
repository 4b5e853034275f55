import { type RawBuilder, sql } from 'kysely';
import type { Database } from '../../ports/db/database.ts';
import { endedAttempts, type SampleRow, toSample } from '../schedule/attempt-samples.ts';
import { Durations } from '../schedule/durations.ts';

/** Runs of the past that a plan learns from. */
const runsRead = 20;
/** From so many steps on an agent's costs say what the next one will. */
const enoughSteps = 3;

interface CostMean {
  readonly agent: string;
  readonly model: string;
  readonly steps: number;
  readonly meanMicroUsd: number;
}

/** What the newest runs that called models say of what agents take. Rehearsals are no history. */
export class Learned {
  readonly durations: Durations;
  readonly #costs: ReadonlyMap<string, CostMean>;

  constructor(durations: Durations, costs: readonly CostMean[]) {
    this.durations = durations;
    this.#costs = new Map(costs.map((row) => [`${row.agent} ${row.model}`, row]));
  }

  /** What a step of an agent has cost with a model, micro-USD; null: too few have run to say. */
  costOf(agent: string, model: string): number | null {
    const mean = this.#costs.get(`${agent} ${model}`);
    return mean && mean.steps >= enoughSteps ? mean.meanMicroUsd : null;
  }
}

/** Reads what a tenant's newest runs have taken. */
export async function readLearned(
  database: Pick<Database, 'asTenant'>,
  tenantId: number,
): Promise<Learned> {
  return database.asTenant(tenantId, async (transaction) => {
    const rows = async <T>(query: RawBuilder<T>) => (await query.execute(transaction)).rows;
    const durations = new Durations();
    for (const row of await rows<SampleRow>(endedAttempts(tenantId, runsRead))) {
      const sample = toSample(row);
      if (sample) durations.learn(sample);
    }
    return new Learned(durations, await rows(costMeans(tenantId)));
  });
}

/** What steps have cost on average, by agent and model. Ledger rows are found by run, as their primary key begins with it. */
function costMeans(tenantId: number): RawBuilder<CostMean> {
  const own = (name: string) => sql`${sql.ref(name)}.tenant_id = ${tenantId}`;
  return sql<CostMean>`WITH runs AS (SELECT id FROM tutti.run r WHERE ${own('r')} AND ended_at IS NOT NULL
      AND NOT coalesce((pins->>'rehearsal')::boolean, false) ORDER BY id DESC LIMIT ${runsRead}),
    steps AS (SELECT s.agent, l.model, l.run_id, l.step, sum(l.cost_micro_usd) AS cost FROM runs
      JOIN tutti.ledger l ON ${own('l')} AND l.run_id = runs.id
      JOIN tutti.step s ON ${own('s')} AND s.run_id = l.run_id AND s.id = l.step
      WHERE l.state IN ('settled', 'estimated') AND NOT l.simulated AND s.status = 'succeeded' GROUP BY 1, 2, 3, 4)
    SELECT agent, model, count(*)::int AS steps, round(avg(cost))::bigint AS mean_micro_usd FROM steps GROUP BY 1, 2`;
}
