import { defineWorkflow, Id, z } from 'tutti';
import { duplicateInvoiceGuard } from '../agents/duplicate-invoice-guard.ts';
import { threeWayMatch } from '../agents/three-way-match.ts';

/** What the night does with a vendor's bills, for one vendor at once. */
export const billCheck = defineWorkflow({
  name: 'finance_bill_check',
  description: "Looks for duplicates among a vendor's bills and matches its drafts with orders.",
  deadline: 'PT30M',
  input: z.object({ vendor: Id('party') }),
  graph({ input, task }) {
    const unique = task({
      id: 'duplicates',
      agent: duplicateInvoiceGuard,
      input: { vendor: input.vendor },
    });
    task({
      id: 'match',
      after: [unique],
      join: 'all_done',
      agent: threeWayMatch,
      input: { vendor: input.vendor },
    });
  },
});
