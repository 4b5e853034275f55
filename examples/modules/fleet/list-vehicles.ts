import { defineTool, Id, z } from 'tutti';
import './records.ts';

/** The cars that a company has in use. */
export const listVehicles = defineTool({
  name: 'fleet.vehicle.list',
  description: 'Lists the cars that a company has in use, with the last day of their insurance.',
  effect: 'read',
  parameters: z.object({ company: z.string() }),
  result: z.array(z.object({ id: Id('vehicle'), plate: z.string(), insuredUntil: z.iso.date() })),
}).handler(async ({ company }, { erp }) => {
  const vehicles = await erp.vehicle.list(
    { company, status: 'in_use' },
    { order: [{ field: 'plate' }] },
  );
  return vehicles.map(({ id, plate, insuredUntil }) => ({ id, plate, insuredUntil }));
});
