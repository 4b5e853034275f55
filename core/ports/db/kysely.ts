import {
  CamelCasePlugin,
  Kysely,
  PostgresDialect,
  type RawBuilder,
  sql,
  type UnknownRow,
} from 'kysely';
import type pg from 'pg';
import { EngineError } from '../../base/errors.ts';
import type { Tables } from './tables.ts';
import { readInTenant } from './tenant-reads.ts';
import { tenantSetting } from './transaction.ts';

const camelCase = new CamelCasePlugin({ maintainNestedObjectKeys: true });

/** Typed queries, and the pool that they go through. */
export interface OpenKysely {
  readonly kysely: Kysely<Tables>;
  readonly pool: pg.Pool;
}

/**
 * Opens typed queries over a pool: camelCase in TypeScript, snake_case in SQL; the keys inside of JSON stay as they are.
 * A COMMIT that the server answers with ROLLBACK is an error (Kysely checks it). Whoever opened the pool ends it.
 */
export function openKysely(pool: pg.Pool): OpenKysely {
  const dialect = new PostgresDialect({ pool });
  return { pool, kysely: new Kysely<Tables>({ dialect, plugins: [camelCase] }) };
}

/** What the end of a transaction says. */
interface Ended {
  readonly command: string;
}

/**
 * Runs `work` in one transaction that sees and writes the rows of one tenant only; `kysely` must act as `tutti_tenant`. The
 * setting ends with the transaction, so the connection carries nothing to whoever has it next.
 * @throws INTERNAL when `work` has swallowed the failure of a statement: nothing of it is kept
 */
export async function inTenant<T>(
  kysely: Kysely<Tables>,
  tenantId: number,
  work: (transaction: Kysely<Tables>) => Promise<T>,
): Promise<T> {
  return await kysely.connection().execute(async (connection) => {
    const say = (statement: string) => sql.raw<Ended>(statement).execute(connection);
    // One round trip: whoever waits for a core waits for one at each.
    await say(`BEGIN; ${tenantSetting(tenantId)}`);
    try {
      const result = await work(connection);
      const { rows } = await say('COMMIT');
      if (rows[0]?.command !== 'ROLLBACK') return result;
    } catch (error) {
      await say('ROLLBACK').catch(() => {});
      throw error;
    }
    const message = 'A transaction was rolled back: one of its statements had failed.';
    throw new EngineError('INTERNAL', message);
  });
}

/** What one statement finds among the rows of one tenant, as `readInTenant` does it. */
export async function rowsInTenant<T>(
  { kysely, pool }: OpenKysely,
  tenantId: number,
  query: RawBuilder<T>,
): Promise<readonly T[]> {
  const { sql: text, parameters, queryId } = query.compile(kysely);
  const rows = await readInTenant<UnknownRow>(pool, tenantId, { text, values: [...parameters] });
  const named = await camelCase.transformResult({ queryId, result: { rows: [...rows] } });
  return named.rows as readonly T[];
}
