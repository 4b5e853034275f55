/**
 * SQL: whether a tenant has nights that can be missing. Who never ran the workflow, and for whom no schedule stands, misses none.
 * Both are placeholders, `$1`.
 */
export function hasNights(tenant: string, workflow: string): string {
  return `EXISTS (SELECT FROM tutti.run WHERE tenant_id = ${tenant} AND workflow = ${workflow})
  OR EXISTS (SELECT FROM tutti.schedule WHERE tenant_id = ${tenant} AND paused_at IS NULL)`;
}
