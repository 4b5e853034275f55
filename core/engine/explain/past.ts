import { type RawBuilder, sql } from 'kysely';
import type { Clock } from '../../base/clock.ts';
import type { Database } from '../../ports/db/database.ts';
import { endedAttempts, toSample } from '../schedule/attempt-samples.ts';
import { Durations } from '../schedule/durations.ts';
import { Reservoir } from '../schedule/reservoir.ts';

/** What earlier runs of a tenant say. */
export interface Past {
  readonly durations: Durations;
  /** How many items or batches a foreach should have, or null. */
  itemsOf(workflow: string, node: string): number | null;
}

/** What was read is read anew after this long, milliseconds. */
const freshMs = 600_000;

/** Reads what earlier runs say, when somebody asks for the first time and then now and then: an engine's start does not wait for it. */
export class PastReader {
  readonly #database: Pick<Database, 'kysely'>;
  readonly #clock: Pick<Clock, 'monotonic'>;
  readonly #read = new Map<number, { readonly at: number; readonly past: Promise<Past> }>();

  constructor(database: Pick<Database, 'kysely'>, clock: Pick<Clock, 'monotonic'>) {
    this.#database = database;
    this.#clock = clock;
  }

  /** @throws DB_* */
  of(tenantId: number): Promise<Past> {
    const now = this.#clock.monotonic();
    const known = this.#read.get(tenantId);
    if (known && now - known.at < freshMs) return known.past;
    const past = this.#load(tenantId);
    this.#read.set(tenantId, { at: now, past });
    past.catch(() => this.#read.delete(tenantId));
    return past;
  }

  async #load(tenantId: number): Promise<Past> {
    const engine = this.#database.kysely('tutti_engine');
    const [attempts, expansions] = await Promise.all([
      endedAttempts(tenantId).execute(engine),
      endedForeachs(tenantId).execute(engine),
    ]);
    const durations = new Durations();
    for (const sample of attempts.rows.map(toSample)) if (sample) durations.learn(sample);
    const sizes = new Map<string, Reservoir>();
    for (const { workflow, node, items } of expansions.rows) {
      const name = `${workflow} ${node}`;
      const known = sizes.get(name) ?? new Reservoir();
      known.add(items);
      sizes.set(name, known);
    }
    return {
      durations,
      itemsOf: (workflow, node) => {
        const items = sizes.get(`${workflow} ${node}`)?.median ?? null;
        return items === null ? null : Math.round(items);
      },
    };
  }
}

interface ForeachRow {
  readonly workflow: string;
  readonly node: string;
  readonly items: number;
}

/** How many items the foreachs of the newest runs that have ended had, oldest first. Entries are found by run, as their primary key begins with it. */
function endedForeachs(tenantId: number, runs = 20): RawBuilder<ForeachRow> {
  return sql<ForeachRow>`WITH runs AS (SELECT id, workflow FROM tutti.run WHERE tenant_id = ${tenantId} AND ended_at IS NOT NULL ORDER BY id DESC LIMIT ${runs})
    SELECT runs.workflow, s.node, coalesce(e.data->'batches', e.data->'items')::int AS items FROM runs
    JOIN tutti.entry e ON e.tenant_id = ${tenantId} AND e.run_id = runs.id AND e.kind = 'foreach.expanded'
    JOIN tutti.step s ON s.tenant_id = ${tenantId} AND s.run_id = runs.id AND s.id = e.step
    ORDER BY runs.id`;
}
