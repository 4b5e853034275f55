import type { Erp, Id } from 'tutti';
import { periodOf } from './period.ts';

/** A filter on what belongs to some people in some companies. */
export interface Paid {
  readonly employee: { readonly in: readonly Id<'employee'>[] };
  readonly company: { readonly in: readonly string[] };
}

/**
 * Whom a department's draft payslips of the open month pay, and for which company. What is compared with a payslip is looked up by
 * them and not by the department: who moved within the month has contracts, hours and former pay in another one. What
 * another company of the group owes or paid is none of this one's.
 */
export async function paidIn(erp: Erp, department: Id<'department'>, today: string): Promise<Paid> {
  const drafts = await erp.payslip.list({ department, period: periodOf(today), status: 'draft' });
  return {
    employee: { in: [...new Set(drafts.map((slip) => slip.employee))] },
    company: { in: [...new Set(drafts.map((slip) => slip.company))] },
  };
}
