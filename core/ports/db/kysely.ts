import { CamelCasePlugin, Kysely, PostgresDialect, sql, type Transaction } from 'kysely';
import type pg from 'pg';
import type { Tables } from './tables.ts';

/**
 * Opens typed queries over a pool: camelCase in TypeScript, snake_case in SQL; the keys inside of JSON stay as they are.
 * A COMMIT that the server answers with ROLLBACK is an error (Kysely checks it). Whoever opened the pool ends it.
 */
export function openKysely(pool: pg.Pool): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin({ maintainNestedObjectKeys: true })],
  });
}

/**
 * Runs `work` in one transaction that sees and writes the rows of one tenant only; `kysely` must act as `tutti_tenant`. The
 * setting ends with the transaction, so the connection carries nothing to whoever has it next.
 */
export async function inTenant<T>(
  kysely: Kysely<Tables>,
  tenantId: number,
  work: (transaction: Transaction<Tables>) => Promise<T>,
): Promise<T> {
  return await kysely.transaction().execute(async (transaction) => {
    await sql`SELECT set_config('app.tenant', ${String(tenantId)}, true)`.execute(transaction);
    return await work(transaction);
  });
}
