import type pg from 'pg';
import { inTransaction, type Queryable } from '../../ports/db/transaction.ts';
import type { Seal, Sealed } from '../../ports/seal.ts';

/** A signing secret as it is stored. */
export interface StoredSecret {
  readonly tenant_id: number;
  readonly webhook_id: string;
  readonly id: string;
  readonly secret: Buffer;
  /** Null: it lies there as it is. */
  readonly key_id: string | null;
}

type Place = Pick<StoredSecret, 'tenant_id' | 'webhook_id' | 'id'>;

/** Seals a secret for its row. */
export function sealed(seal: Seal, place: Place, secret: Buffer): Sealed {
  return seal.seal(secret, placeOf(place));
}

/** A secret as deliveries are signed with it. @throws CONFIG_INVALID */
export function opened(seal: Seal, row: StoredSecret): Buffer {
  return seal.open({ keyId: row.key_id, body: row.secret }, placeOf(row));
}

function placeOf({ tenant_id: tenantId, webhook_id: webhookId, id }: Place): string {
  return `webhook_secret ${tenantId} ${webhookId} ${id}`;
}

/**
 * Seals what lies in the database as it is or under a key that is no longer the first one; what cannot be opened stays. Returns how many
 * were sealed. Without a key there is nothing to do.
 */
export async function sealAll(
  pool: pg.Pool,
  seal: Seal,
  onError: (error: unknown) => void,
): Promise<number> {
  if (seal.keyId === null) return 0;
  return await inTransaction(pool, async (client) => {
    const { rows } = await client.query<StoredSecret>(
      'SELECT tenant_id, webhook_id, id, secret, key_id FROM tutti.webhook_secret WHERE key_id IS DISTINCT FROM $1 FOR UPDATE SKIP LOCKED',
      [seal.keyId],
    );
    let count = 0;
    for (const row of rows) {
      const secret = openedOr(onError, () => opened(seal, row));
      if (secret === null) continue;
      await store(client, row, sealed(seal, row, secret));
      count += 1;
    }
    return count;
  });
}

function openedOr(onError: (error: unknown) => void, open: () => Buffer): Buffer | null {
  try {
    return open();
  } catch (error) {
    onError(error);
    return null;
  }
}

async function store(client: Queryable, place: Place, { keyId, body }: Sealed): Promise<void> {
  await client.query(
    'UPDATE tutti.webhook_secret SET secret = $4, key_id = $5 WHERE tenant_id = $1 AND webhook_id = $2 AND id = $3',
    [place.tenant_id, place.webhook_id, place.id, body, keyId],
  );
}
