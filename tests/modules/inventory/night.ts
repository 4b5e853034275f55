import { generateSample } from '../../../core/ports/erp/sample.ts';
import { inventory } from '../../../modules/inventory/index.ts';
import { sample } from '../../../modules/inventory/sample.ts';
import { once, runNight, unitsOf } from '../night.ts';

/** inventory with a sample company of its own and the night over it. */
export const staged = once({
  module: inventory,
  company: (options) => generateSample({ ...options, samples: [sample] }),
  night: (made) => {
    const warehouses = () => unitsOf(made, 'warehouse', { as: 'warehouse' });
    return runNight(inventory, made, {
      entities: inventory.records,
      inputs: {
        receipt_discrepancy: warehouses,
        cycle_count_planner: warehouses,
        reorder_point_planner: () => unitsOf(made, 'item_group', { as: 'group' }),
        valuation_reconciliation: () => unitsOf(made, 'company', { as: 'company', field: 'code' }),
        night_summary: (done) => [{ items: done.map((each) => each.output) }],
      },
    });
  },
});
