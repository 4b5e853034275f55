import { generateSample } from '../../../core/ports/erp/sample.ts';
import { finance } from '../../../modules/finance/index.ts';
import { sample } from '../../../modules/finance/sample.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { sample as inventorySample } from '../../../modules/inventory/sample.ts';
import { once, runNight, unitsOf } from '../night.ts';

/** The records of finance and of what it requires. */
export const entities = [...inventory.records, ...finance.records];

/** finance with a sample company of what it requires, and the night over it. */
export const staged = once({
  module: finance,
  company: (options) => generateSample({ ...options, samples: [inventorySample, sample] }),
  night: (made) => {
    const vendors = () =>
      (made.rows.get('party') ?? [])
        .filter(({ supplier }) => supplier)
        .map(({ id }) => ({ vendor: id }));
    const accounts = () =>
      (made.rows.get('bank_account') ?? [])
        .filter(({ company }) => company !== null)
        .map(({ id }) => ({ account: id }));
    return runNight(finance, made, {
      entities,
      inputs: {
        duplicate_invoice_guard: vendors,
        three_way_match: vendors,
        bank_reconciliation: accounts,
        subledger_reconciliation: () => unitsOf(made, 'company', { as: 'company', field: 'code' }),
        night_summary: (done) => [{ items: done.map((each) => each.output) }],
      },
    });
  },
});
