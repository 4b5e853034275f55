import type pg from 'pg';
import type { Database } from '../../ports/db/database.ts';

/*
 * What must stay whatever its age, and how the statements of this folder take care that it does. Holds are placed by people at
 * any time: a statement that deletes or erases therefore runs in a transaction that lets no hold in until it has ended.
 */

/** Condition on a run `r`: somebody holds it. */
export const isHeld =
  '(EXISTS (SELECT FROM tutti.hold h WHERE h.tenant_id = r.tenant_id AND h.run_id = r.id))';

/** Condition on a run `r`: nobody knows yet how one of its effects ended, and its arguments are needed to find out. */
export const isInReview = `(EXISTS (SELECT FROM tutti.effect e WHERE e.tenant_id = r.tenant_id AND e.run_id = r.id
  AND e.state IN ('started', 'uncertain', 'needs_review')))`;

/** Gives `work` a connection of its own that acts as the engine; its statements may take as long as they need. */
export async function withConnection<T>(
  database: Pick<Database, 'connect'>,
  work: (client: pg.Client) => Promise<T>,
): Promise<T> {
  const client = await database.connect('tutti_engine');
  try {
    return await work(client);
  } finally {
    await client.end().catch(() => {});
  }
}

/** Runs `work` in one transaction during which no hold is placed or released. */
export async function withoutNewHolds<T>(client: pg.Client, work: () => Promise<T>): Promise<T> {
  await client.query('BEGIN; LOCK TABLE tutti.hold IN SHARE MODE');
  try {
    const result = await work();
    await client.query('COMMIT');
    return result;
  } catch (error) {
    await client.query('ROLLBACK').catch(() => {});
    throw error;
  }
}
