import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { newId } from '../../base/ids.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { appendAudit } from '../audit/append.ts';
import type { Actor } from '../run/request.ts';
import { toJsonb } from '../run/rows.ts';
import { readPerson } from './person.ts';

/** Who decides for whom, until when. */
export interface DelegationView {
  readonly from: string;
  readonly to: string;
  readonly until: Date;
  readonly at: Date;
}

/** A right to decide that is handed on. */
export interface Delegating {
  readonly tenantId: number;
  readonly from: string;
  readonly to: string;
  /** Null: no longer. */
  readonly until: Date | null;
  /** Who says so. */
  readonly actor: Actor;
}

/** Rights to decide that people have handed to others, for a while. All on a pool of `tutti_engine`; needs no engine. */
export class Delegations {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Those that hold now, the next to end first. */
  async list(tenantId: number): Promise<readonly DelegationView[]> {
    const { rows } = await this.#pool.query<DelegationView>(
      `SELECT from_person AS "from", to_person AS "to", until, at FROM tutti.delegation
       WHERE tenant_id = $1 AND ended_at IS NULL AND until > now() ORDER BY until, id`,
      [tenantId],
    );
    return rows;
  }

  /** Hands a right on, or takes it back; what held between the two before ends. @throws INPUT_INVALID · DB_* */
  async hand({ tenantId, until, actor, ...names }: Delegating): Promise<void> {
    const from = readPerson(names.from);
    const to = readPerson(names.to);
    if (from === to) throw new EngineError('INPUT_INVALID', `'${to}' cannot decide for '${from}'.`);
    await inTransaction(this.#pool, async (client) => {
      // Two at once, for the same two people, go one after the other.
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
        `delegation ${tenantId} ${from} ${to}`,
      ]);
      await client.query(
        `UPDATE tutti.delegation SET ended_at = least(until, clock_timestamp())
         WHERE tenant_id = $1 AND from_person = $2 AND to_person = $3 AND ended_at IS NULL`,
        [tenantId, from, to],
      );
      if (until !== null) await insert(client, { tenantId, from, to, until, actor });
      const action = until === null ? 'delegation.end' : 'delegation.hand';
      const data = { to, ...(until !== null && { until }) };
      await appendAudit(client, { tenantId, actor, action, target: from, data });
    });
  }
}

async function insert(
  client: pg.ClientBase,
  { tenantId, from, to, until, actor }: Delegating,
): Promise<void> {
  const { rowCount } = await client.query(
    `INSERT INTO tutti.delegation (tenant_id, id, from_person, to_person, until, actor)
     SELECT $1, $2, $3, $4, $5, $6 WHERE $5::timestamptz > clock_timestamp()`,
    [tenantId, newId(), from, to, until, toJsonb(actor)],
  );
  if (rowCount === 1) return;
  const seen = (until as Date).toISOString();
  throw new EngineError('INPUT_INVALID', `${seen} has passed; name a moment to come.`);
}
