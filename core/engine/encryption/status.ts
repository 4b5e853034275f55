import type { Database } from '../../ports/db/database.ts';
import { withConnection } from '../retention/keeping.ts';

/** What lies in the database under one key. */
export interface KeyUse {
  /** The master key that they are sealed under; `plain`: under none; `erased`: their data keys are gone, and they cannot be read. */
  readonly key: string;
  readonly bodies: number;
  readonly bytes: number;
}

/** How bodies lie in the database, the most of them first. Reads the rows of all. @throws DB_* */
export async function encryptionStatus(
  database: Pick<Database, 'connect'>,
): Promise<readonly KeyUse[]> {
  return withConnection(database, async (client) => {
    const { rows } = await client.query<KeyUse>(statusSql);
    return rows;
  });
}

const statusSql = `SELECT CASE WHEN p.key_id IS NULL THEN 'plain' ELSE coalesce(k.master, 'erased') END AS key,
    count(*)::int AS bodies, sum(p.size)::bigint AS bytes
  FROM tutti.payload p LEFT JOIN tutti.data_key k ON k.tenant_id = p.tenant_id AND k.run_id = p.run_id AND k.class = p.class AND k.id = p.key_id
  WHERE p.body IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1`;
