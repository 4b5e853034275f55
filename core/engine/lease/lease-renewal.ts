import type pg from 'pg';
import { monotonicNs } from '../../base/lease-clock.ts';

/** The statement that extends a lease by the database's clock; it changes no row when another engine has taken over. */
export function renewalOf(
  boot: string,
  leaseMs: number,
): { readonly text: string; readonly values: [string, number] } {
  return {
    text: `UPDATE tutti.engine SET lease_until = now() + $2 * interval '1 millisecond' WHERE id = $1 AND state <> 'gone'`,
    values: [boot, leaseMs],
  };
}

/** How long after the question a renewed lease is surely held: all of it, less a tenth for what an owner begins at its very end. */
export function surelyNs(leaseMs: number): bigint {
  return BigInt(Math.round(leaseMs * 0.9 * 1e6));
}

/** Extends a lease; returns until when it is surely held (`monotonicNs`), 0 when another engine has taken over. */
export async function renewLease(
  database: pg.Pool | pg.Client,
  boot: string,
  leaseMs: number,
): Promise<bigint> {
  const asked = monotonicNs();
  const { rowCount } = await database.query(renewalOf(boot, leaseMs));
  return rowCount === 0 ? 0n : asked + surelyNs(leaseMs);
}
