import { defineHook, eq } from 'tutti';
import { receiptCheck } from './workflows/receipt-check.ts';
import { replenish } from './workflows/replenish.ts';

/** What leaves the warehouse may have to be bought again; what comes in may not be what was ordered. */
export const hooks = [
  defineHook({
    name: 'stock_issued',
    about: 'Looks whether a product has to be bought again when some of it was issued.',
    entity: 'stock_move',
    when: ({ record }) => eq(record.reason, 'issue'),
    debounceMs: 10_000,
    workflow: replenish,
    input: ({ record }) => ({ product: record.product }),
  }),
  defineHook({
    name: 'goods_received',
    about: 'Compares the receipts of a warehouse with their orders when goods came in.',
    entity: 'goods_receipt',
    debounceMs: 10_000,
    workflow: receiptCheck,
    input: ({ record }) => ({ warehouse: record.warehouse }),
    company: ({ record }) => record.company,
  }),
];
