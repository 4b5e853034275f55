import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import { isId, newId } from '../../base/ids.ts';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import { appendAudit } from '../audit/append.ts';
import { toJsonb } from '../journal/rows.ts';
import type { Actor } from '../run/request.ts';
import { readPerson } from './person.ts';
import { handingFault, mayEnd, type Speaker } from './rules.ts';

/** Who decides for whom, until when. */
export interface DelegationView {
  readonly id: string;
  readonly from: string;
  readonly to: string;
  readonly until: Date;
  readonly at: Date;
  /** Who has said so. */
  readonly actor: Actor;
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
  /** @default whose right it is: at a terminal everybody is who they say */
  readonly speaker?: Speaker;
}

const columns = 'id, from_person AS "from", to_person AS "to", until, at, actor';
const holds = 'tenant_id = $1 AND ended_at IS NULL AND until > clock_timestamp()';

/** Rights to decide that people have handed to others, for a while. All on a pool of `tutti_engine`; needs no engine. */
export class Delegations {
  readonly #pool: pg.Pool;

  constructor(pool: pg.Pool) {
    this.#pool = pool;
  }

  /** Those that hold now, the next to end first. */
  async list(tenantId: number): Promise<readonly DelegationView[]> {
    const { rows } = await this.#pool.query<DelegationView>(
      `SELECT ${columns} FROM tutti.delegation WHERE ${holds} ORDER BY until, id`,
      [tenantId],
    );
    return rows;
  }

  /** One that holds now. @throws DELEGATION_UNKNOWN */
  async find(tenantId: number, id: string): Promise<DelegationView> {
    const { rows } = await this.#pool.query<DelegationView>(
      `SELECT ${columns} FROM tutti.delegation WHERE ${holds} AND id = $2`,
      [tenantId, isId(id) ? id : null],
    );
    if (rows[0]) return rows[0];
    const shown = id.slice(0, 64);
    throw new EngineError(
      'DELEGATION_UNKNOWN',
      `No right to decide is handed on as '${shown}', or no longer; those that are lists: tutti delegate`,
    );
  }

  /**
   * Hands a right on, or takes it back; what held between the two before ends. Null: it is taken back.
   * @throws INPUT_INVALID · PERMISSION_DENIED · DB_*
   */
  async hand(ask: Delegating): Promise<DelegationView | null> {
    const { tenantId, until, actor } = ask;
    const pair = { from: readPerson(ask.from), to: readPerson(ask.to) };
    const { from, to } = pair;
    if (from === to) throw new EngineError('INPUT_INVALID', `'${to}' cannot decide for '${from}'.`);
    const speaker = ask.speaker ?? { person: from, parties: [from], isAdmin: false };
    demand(pair, speaker, until === null);
    return await inTransaction(this.#pool, async (client) => {
      // Two at once, for the same two people, go one after the other.
      await client.query('SELECT pg_advisory_xact_lock(hashtext($1))', [
        `delegation ${tenantId} ${from} ${to}`,
      ]);
      await client.query(
        `UPDATE tutti.delegation SET ended_at = least(until, clock_timestamp())
         WHERE tenant_id = $1 AND from_person = $2 AND to_person = $3 AND ended_at IS NULL`,
        [tenantId, from, to],
      );
      const made = until && (await insert(client, { tenantId, from, to, until, actor }));
      const action = until === null ? 'delegation.end' : 'delegation.hand';
      const data = { to, ...(until !== null && { until }) };
      await appendAudit(client, { tenantId, actor, action, target: from, data });
      return made;
    });
  }

  /** Takes back, or gives back, one that holds. @throws DELEGATION_UNKNOWN · PERMISSION_DENIED · DB_* */
  async end(
    { tenantId, id }: { readonly tenantId: number; readonly id: string },
    by: { readonly actor: Actor; readonly speaker: Speaker },
  ): Promise<DelegationView> {
    const found = await this.find(tenantId, id);
    await this.hand({ tenantId, from: found.from, to: found.to, until: null, ...by });
    return found;
  }
}

/** @throws PERMISSION_DENIED */
function demand(
  pair: { readonly from: string; readonly to: string },
  speaker: Speaker,
  isEnd: boolean,
): void {
  const { from, to } = pair;
  const fault = isEnd ? (mayEnd(pair, speaker) ? null : 'others') : handingFault(pair, speaker);
  if (fault === null) return;
  const who = speaker.person ?? 'whoever calls';
  throw new EngineError(
    'PERMISSION_DENIED',
    fault === 'self'
      ? `'${to}' cannot be handed the right of '${from}' by themself; let '${from}' or another administrator do it.`
      : `It is the right of '${from}' and not of '${who}'; let '${from}' or an administrator do it.`,
  );
}

async function insert(
  client: Queryable,
  {
    tenantId,
    from,
    to,
    until,
    actor,
  }: Omit<Delegating, 'until' | 'speaker'> & { readonly until: Date },
): Promise<DelegationView> {
  const { rows } = await client.query<DelegationView>(
    `INSERT INTO tutti.delegation (tenant_id, id, from_person, to_person, until, actor)
     SELECT $1, $2, $3, $4, $5, $6 WHERE $5::timestamptz > clock_timestamp() RETURNING ${columns}`,
    [tenantId, newId(), from, to, until, toJsonb(actor)],
  );
  if (rows[0]) return rows[0];
  const seen = until.toISOString();
  throw new EngineError('INPUT_INVALID', `${seen} has passed; name a moment to come.`);
}
