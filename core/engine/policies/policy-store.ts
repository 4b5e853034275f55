import type pg from 'pg';
import { toStorableJson } from '../../base/text.ts';
import { inTransaction } from '../../ports/db/transaction.ts';
import { auditTexts } from '../audit/append.ts';
import type { Actor } from '../run/request.ts';
import type { Definitions, Publication, Saying } from '../versions/definitions.ts';

/** Which policy of whom. */
export interface Named {
  readonly tenantId: number;
  readonly name: string;
}

/** What somebody wants to be in force, and from when on. */
export type Word = Pick<Publication, 'how' | 'version' | 'effective'>;

/** A word that a second person must say, too. */
export interface Ask extends Word {
  readonly no: number;
  readonly actor: Actor;
  readonly at: Date;
}

/** Days for which a word waits for a second person. */
const patience = '7 days';

/** The words about policies: those that count, and those that wait for a second person. On a pool of `tutti_engine`. */
export class PolicyStore {
  readonly #pool: pg.Pool;
  readonly #definitions: Definitions;

  constructor(pool: pg.Pool, definitions: Definitions) {
    this.#pool = pool;
    this.#definitions = definitions;
  }

  /** How many words have been said about the policies of a tenant: it rises with each. */
  async count(tenantId: number): Promise<number> {
    return await countOf(this.#pool, tenantId);
  }

  /** Says a word, unless anything was said about any policy since there were `seen`: what was checked would be another. Returns whether it is said. */
  async say({ tenantId, name }: Named, saying: Saying, seen: number): Promise<boolean> {
    return await inTransaction(this.#pool, async (client) => {
      // Who speaks about policies of one tenant comes one after the other.
      await client.query('SELECT FROM tutti.tenant WHERE id = $1 FOR NO KEY UPDATE', [tenantId]);
      if ((await countOf(client, tenantId)) !== seen) return false;
      return await this.#definitions.policies.sayOnce(client, { tenantId, name }, saying);
    });
  }

  /** Asks for a second person. Returns the number of the ask. */
  async ask({ tenantId, name }: Named, word: Word, actor: Actor): Promise<number> {
    const { how, version, effective } = word;
    const data = { how, version, ...(effective && { effective: effective.toISOString() }) };
    const { rows } = await this.#pool.query<{ readonly no: number }>(
      `WITH asked AS (INSERT INTO tutti.publication_ask (tenant_id, kind, name, no, how, version, effective, actor, after_no)
         SELECT $1, 'policy', $2, (SELECT coalesce(max(no), 0) + 1 FROM tutti.publication_ask WHERE tenant_id = $1 AND kind = 'policy' AND name = $2),
           $3, $4, $5, $6, (${newestNo}) ON CONFLICT DO NOTHING RETURNING no)
       SELECT no, tutti.append_audit($1, $7, $8, $9, $10) FROM asked`,
      [
        ...[tenantId, name, how, version, effective, toStorableJson(actor)],
        ...auditTexts({ actor, action: 'policy.ask', target: name, data }),
      ],
    );
    // Somebody else has asked at the same moment, under the same number.
    return rows[0]?.no ?? (await this.ask({ tenantId, name }, word, actor));
  }

  /** The words that wait for a second person, the newest first. */
  async asks({ tenantId, name }: Named): Promise<readonly Ask[]> {
    const { rows } = await this.#pool.query<Ask>(
      `SELECT no, how, version, effective, actor, at FROM tutti.publication_ask
       WHERE tenant_id = $1 AND kind = 'policy' AND name = $2 AND after_no = (${newestNo}) AND at > now() - interval '${patience}'
       ORDER BY no DESC LIMIT 20`,
      [tenantId, name],
    );
    return rows;
  }
}

// An ask stands until anything else is said about its name.
const newestNo = `SELECT coalesce(max(no), 0) FROM tutti.publication WHERE tenant_id = $1 AND kind = 'policy' AND name = $2`;

async function countOf(client: Pick<pg.ClientBase, 'query'>, tenantId: number): Promise<number> {
  const { rows } = await client.query<{ readonly count: number }>(
    "SELECT count(*)::int AS count FROM tutti.publication WHERE tenant_id = $1 AND kind = 'policy'",
    [tenantId],
  );
  return rows[0]?.count ?? 0;
}
