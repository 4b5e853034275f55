import type { Queryable } from '../core/ports/db/transaction.ts';
import { readTenant, suspendedTenant } from '../core/service/identity/tenants.ts';
import type { Host } from './host.ts';

/** Refuses to start anything of a tenant that is suspended: nothing of it would run. @throws TENANT_SUSPENDED · DB_* */
export async function demandActive(queryable: Queryable, tenantId: number): Promise<void> {
  if (await isSuspended(queryable, tenantId)) throw suspendedTenant();
}

/** When a tenant's runs go on with what they were told, as the end of a sentence; '' is now. @throws DB_* */
export async function whenItGoesOn(host: Host, tenantId: number): Promise<string> {
  if (await isSuspended(host.database.pool('tutti_engine', 1), tenantId))
    return ' once its tenant is resumed (tutti tenant resume)';
  return (await host.isServed()) ? '' : ' when an engine starts (tutti serve)';
}

async function isSuspended(queryable: Queryable, tenantId: number): Promise<boolean> {
  const own = await readTenant(queryable, tenantId);
  return own ? own.suspendedAt !== null : false;
}
