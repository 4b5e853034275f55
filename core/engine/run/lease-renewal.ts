import type pg from 'pg';
import { monotonicNs } from '../../base/lease-clock.ts';

/**
 * Extends a lease by the database's clock; returns until when it is surely held (`monotonicNs`), 0 when another engine has
 * taken over. Counted from before the question, less a tenth of the lease for what an owner begins at its very end.
 */
export async function renewLease(
  database: pg.Pool | pg.Client,
  boot: string,
  leaseMs: number,
): Promise<bigint> {
  const asked = monotonicNs();
  const { rowCount } = await database.query(
    `UPDATE tutti.engine SET lease_until = now() + $2 * interval '1 millisecond' WHERE id = $1 AND state <> 'gone'`,
    [boot, leaseMs],
  );
  return rowCount === 0 ? 0n : asked + surelyNs(leaseMs);
}

/** How long after the question a lease is surely held. */
export function surelyNs(leaseMs: number): bigint {
  return BigInt(Math.round(leaseMs * 0.9 * 1e6));
}
