import type { Queryable } from '../core/ports/db/transaction.ts';
import { type KnownTenant, readTenants } from '../core/service/identity/tenants.ts';
import { isSample } from './sample-tenant.ts';

/**
 * The tenants for which a process does things by itself, suspended ones among them: every one, but of sample companies only the one that it
 * serves. A company that somebody looked at once must not cost a night, every night, nor alarm anybody.
 */
export async function tenantsInUse(
  queryable: Queryable,
  served: number,
): Promise<readonly KnownTenant[]> {
  const all = await readTenants(queryable);
  return all.filter(({ id, slug }) => id === served || !isSample(slug));
}
