import type pg from 'pg';
import type { Clock } from '../../base/clock.ts';
import { EngineError } from '../../base/errors.ts';
import { appendAudit } from '../../engine/audit/append.ts';
import { toJsonb } from '../../engine/journal/rows.ts';
import type { Actor } from '../../engine/run/request.ts';
import type { Database } from '../../ports/db/database.ts';
import { inTransaction } from '../../ports/db/transaction.ts';

/** A token of an issuer, by its `jti`. */
export interface TokenName {
  readonly tenantId: number;
  readonly issuer: string;
  readonly id: string;
}

/** A token that is refused until it has expired by itself. */
export interface DeniedToken {
  readonly issuer: string;
  readonly id: string;
  readonly until: Date;
}

/** Tokens that are refused before they expire: whoever took one cannot use it any more. */
export class DeniedTokens {
  readonly #database: Pick<Database, 'asTenant'>;
  readonly #pool: pg.Pool;
  readonly #clock: Pick<Clock, 'now'>;

  constructor(
    database: Pick<Database, 'asTenant'>,
    { pool, clock }: { readonly pool: pg.Pool; readonly clock: Pick<Clock, 'now'> },
  ) {
    this.#database = database;
    this.#pool = pool;
    this.#clock = clock;
  }

  /** Refuses a token from now on, until the later of two moments where it is said twice; those that have expired meanwhile are forgotten. @throws INPUT_INVALID */
  async deny(tenantId: number, denied: DeniedToken, actor: Actor): Promise<DeniedToken> {
    const { issuer, id, until } = denied;
    if (until.getTime() <= this.#clock.now())
      throw new EngineError(
        'INPUT_INVALID',
        `The token has expired at ${until.toISOString()}, and is refused for that.`,
      );
    await inTransaction(this.#pool, async (client) => {
      await client.query(
        'DELETE FROM tutti.denied_token WHERE tenant_id = $1 AND until < clock_timestamp() - interval $$1 day$$',
        [tenantId],
      );
      await client.query(
        'DELETE FROM tutti.denied_token WHERE tenant_id = $1 AND issuer = $2 AND id = $3 AND until < $4',
        [tenantId, issuer, id, until],
      );
      await client.query(
        `INSERT INTO tutti.denied_token (tenant_id, issuer, id, until, denied_by) VALUES ($1, $2, $3, $4, $5)
         ON CONFLICT (tenant_id, issuer, id) DO NOTHING`,
        [tenantId, issuer, id, until, toJsonb(actor)],
      );
      await appendAudit(client, { tenantId, actor, action: 'token.deny', target: id });
    });
    return denied;
  }

  /** Those that would count without this. */
  async list(tenantId: number): Promise<readonly DeniedToken[]> {
    const now = new Date(this.#clock.now());
    return this.#database.asTenant(tenantId, (transaction) =>
      transaction
        .selectFrom('deniedToken')
        .select(['issuer', 'id', 'until'])
        .where('until', '>', now)
        .orderBy('at', 'desc')
        .limit(1_000)
        .execute(),
    );
  }

  /** Whether a token is refused. Asked for each request, remembered by nobody: one look-up by the primary key. */
  async isDenied({ tenantId, issuer, id }: TokenName): Promise<boolean> {
    const { rowCount } = await this.#pool.query(
      'SELECT FROM tutti.denied_token WHERE tenant_id = $1 AND issuer = $2 AND id = $3',
      [tenantId, issuer, id],
    );
    return rowCount !== 0;
  }
}
