import { defineHook } from 'tutti';
import { payeeCheck } from './workflows/payee-check.ts';

/** Whoever is new, or would be paid elsewhere from now on, is looked at before the next payment. */
export const hooks = [
  defineHook({
    name: 'bank_changed',
    about: 'Screens a party whose bank account has changed and is not verified.',
    entity: 'bank_account',
    when: 'record.party != null && !record.verified',
    edge: 'becomes',
    workflow: payeeCheck,
    input: { party: { cel: 'record.party' } },
    priority: 8,
  }),
  defineHook({
    name: 'supplier_changed',
    about: 'Screens a supplier whose master data has changed.',
    entity: 'party',
    when: 'record.supplier && !record.blocked',
    debounceMs: 10_000,
    workflow: payeeCheck,
    input: ({ record }) => ({ party: record.id }),
    priority: 8,
  }),
];
