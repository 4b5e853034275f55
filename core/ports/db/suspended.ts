/** Whether a tenant is suspended, as SQL: nothing of it starts, and nothing leaves. `tenantId`: a column or a parameter. */
export function isSuspended(tenantId: string): string {
  return `EXISTS (SELECT FROM tutti.tenant t WHERE t.id = ${tenantId} AND t.suspended_at IS NOT NULL)`;
}
