import { defineHook, eq } from 'tutti';
import { billCheck } from './workflows/bill-check.ts';

/** A bill is checked when it comes, not at night. */
export const hooks = [
  defineHook({
    name: 'bill_drafted',
    about: 'Checks the bills of a vendor when one of them becomes a draft.',
    entity: 'bill',
    when: ({ record }) => eq(record.status, 'draft'),
    edge: 'becomes',
    workflow: billCheck,
    input: ({ record }) => ({ vendor: record.vendor }),
    company: ({ record }) => record.company,
    priority: 7,
  }),
];
