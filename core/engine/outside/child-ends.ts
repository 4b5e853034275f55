import type pg from 'pg';
import { isOutage } from '../../ports/db/db-error.ts';
import type { Trust } from '../../ports/db/states.ts';
import { bodyText, vaultOf } from '../../ports/db/vault.ts';
import type { SetAside } from '../set-aside.ts';

/** A run that a step started, and that has ended. */
export interface EndedChild {
  readonly id: string;
  readonly parent_run_id: string;
  readonly parent_step: number;
  readonly status: string;
  /** JSON. */
  readonly output: string | null;
  /** The label of its output; null: a release before labels has ended it. */
  readonly trust: Trust | null;
  readonly cost_micro_usd: number;
  /** The code of the first failure. */
  readonly code: string | null;
  /** From its creation to its end. */
  readonly ms: number;
}

/** Reads how the runs have ended that steps have started; a run whose ends cannot be read keeps no other waiting. */
export class ChildEnds {
  readonly #pool: pg.Pool;
  /** Runs whose ends could not be read. */
  readonly #aside: SetAside;

  constructor(pool: pg.Pool, aside: SetAside) {
    this.#pool = pool;
    this.#aside = aside;
  }

  /** What steps of some runs have started and has ended, with what it brings; `ids`: of some alone. @throws DB_* without a database */
  async of(
    runs: readonly string[],
    ids: readonly string[] | null = null,
  ): Promise<readonly EndedChild[]> {
    const waiting = new Set(this.#aside.waiting);
    const wanted = [...new Set(runs)].filter((id) => !waiting.has(id));
    return wanted.length === 0 ? [] : await this.#apart(wanted, ids);
  }

  /** Halves those that cannot be read together, until what is at fault stands alone. */
  async #apart(
    runs: readonly string[],
    ids: readonly string[] | null,
  ): Promise<readonly EndedChild[]> {
    try {
      return await this.#read(runs, ids);
    } catch (error) {
      if (isOutage(error)) throw error;
      const [first = '', second] = runs;
      if (second === undefined) {
        this.#aside.add(first, error);
        return [];
      }
      const half = runs.length >> 1;
      const ends = await this.#apart(runs.slice(0, half), ids);
      return [...ends, ...(await this.#apart(runs.slice(half), ids))];
    }
  }

  async #read(
    runs: readonly string[],
    ids: readonly string[] | null,
  ): Promise<readonly EndedChild[]> {
    const { rows } = await this.#pool.query<EndedChild>(endedSql, [runs, ids]);
    return await vaultOf(this.#pool).open(rows, 'output');
  }
}

// $1 runs; $2 ids of what they have started, or null.
const endedSql = `SELECT c.id, c.parent_run_id, c.parent_step, c.status, ${bodyText('p')} AS output, last.data->>'trust' AS trust,
         (SELECT s.error->>'code' FROM tutti.step s WHERE s.tenant_id = c.tenant_id AND s.run_id = c.id AND s.status = 'failed' ORDER BY s.id LIMIT 1) AS code,
         (extract(epoch FROM c.ended_at - c.created_at) * 1000)::int AS ms,
         (SELECT coalesce(sum(s.cost_micro_usd), 0)::bigint FROM tutti.step s WHERE s.tenant_id = c.tenant_id AND s.run_id = c.id) AS cost_micro_usd
       FROM tutti.run c
       LEFT JOIN LATERAL (SELECT e.seq, e.data FROM tutti.entry e WHERE e.tenant_id = c.tenant_id AND e.run_id = c.id AND e.kind = 'run.ended' ORDER BY e.seq DESC LIMIT 1) last ON true
       LEFT JOIN tutti.payload p ON p.tenant_id = c.tenant_id AND p.run_id = c.id AND p.seq = last.seq AND p.part = 0
       WHERE c.parent_run_id = ANY ($1::uuid[]) AND ($2::uuid[] IS NULL OR c.id = ANY ($2::uuid[])) AND c.ended_at IS NOT NULL`;
