import type pg from 'pg';
import { digest, newId } from '../../base/ids.ts';
import type { RunFacts } from '../run/facts.ts';
import { toJsonb } from '../run/rows.ts';

/** What a step asks people. */
export interface Question {
  readonly step: number;
  /** The step's path, as people know it. */
  readonly path: string;
  /** One sentence. */
  readonly title: string;
  /** What they are shown, JSON. */
  readonly shown: unknown;
  /** Roles and persons that may decide. */
  readonly by: readonly string[];
  /** Yeses of different people that it takes. */
  readonly required: number;
  readonly expiresAt: Date;
}

/** What people have decided, as the owner of a run hears it. */
export interface Decided {
  readonly state: 'granted' | 'refused';
  readonly by: readonly string[];
  readonly note: string | null;
}

/** What people are asked, and what they say. All on a pool of `tutti_engine`; needs no engine. */
export class Approvals {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Asks for a step's run to go on; a step that asks again has the question that is open. Returns the approval's id. @throws DB_* */
  async ask({ tenantId, id: runId, actor }: RunFacts, question: Question): Promise<string> {
    const { step, title, shown, by, required, expiresAt } = question;
    const { rows } = await this.#pool.query<{ id: string }>(
      `INSERT INTO tutti.approval AS a (tenant_id, id, run_id, step, digest, tier, required, state, requested_by, expires_at, title, shown, deciders)
       VALUES ($1, $2, $3, $4, $5, 'node', $6, 'open', $7, $8, $9, $10, $11)
       ON CONFLICT (tenant_id, run_id, step) WHERE state = 'open' AND effect_key IS NULL DO UPDATE SET expires_at = a.expires_at RETURNING id`,
      [
        tenantId,
        newId(),
        runId,
        step,
        digest(title, shown),
        required,
        toJsonb(actor),
        expiresAt,
        title,
        toJsonb(shown),
        by,
      ],
    );
    return (rows[0] as { id: string }).id;
  }
}
