import { defineWorkflow, Id, z } from 'tutti';
import { receiptDiscrepancy } from '../agents/receipt-discrepancy.ts';

/** Compares what a warehouse has received with what was ordered. */
export const receiptCheck = defineWorkflow({
  name: 'inventory_receipt_check',
  description: 'Compares the receipts of a warehouse with their orders and drafts claims.',
  deadline: 'PT30M',
  input: z.object({ warehouse: Id('warehouse') }),
  graph({ input, task }) {
    task({
      id: 'discrepancies',
      agent: receiptDiscrepancy,
      input: { warehouse: input.warehouse },
    });
  },
});
