import { defineModule } from 'tutti';
import { fleetCheck } from './fleet-check.ts';
import { insuranceWatch } from './insurance-watch.ts';
import { listVehicles } from './list-vehicles.ts';
import { vehicle } from './records.ts';

export { fleetCheck, insuranceWatch };

/** Everything that the module brings. */
export const fleet = defineModule({
  name: 'fleet',
  version: '1.0.0',
  records: [vehicle],
  tools: [listVehicles],
  agents: [insuranceWatch],
  workflows: [fleetCheck],
  sample: async () => (await import('./sample.ts')).sample,
});
