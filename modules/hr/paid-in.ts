import type { Erp, Id } from 'tutti';
import { periodOf } from './period.ts';

/**
 * Whom a department's draft payslips of the open month pay. What is compared with a payslip is looked up by them and not by
 * the department: who moved within the month has contracts, hours and former pay in another one.
 */
export async function paidIn(
  erp: Erp,
  department: Id<'department'>,
  today: string,
): Promise<readonly Id<'employee'>[]> {
  const drafts = await erp.payslip.list({ department, period: periodOf(today), status: 'draft' });
  return [...new Set(drafts.map((slip) => slip.employee))];
}
