import type { Queryable } from '../core/ports/db/transaction.ts';
import { readTenant, suspendedTenant } from '../core/service/identity/tenants.ts';

/** Refuses to start anything of a tenant that is suspended: nothing of it would run. @throws TENANT_SUSPENDED · DB_* */
export async function demandActive(queryable: Queryable, tenantId: number): Promise<void> {
  const own = await readTenant(queryable, tenantId);
  if (own && own.suspendedAt !== null) throw suspendedTenant();
}
