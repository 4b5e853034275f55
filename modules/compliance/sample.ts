import type { SampleWorld } from 'tutti';
import { addGrants } from './sample/grants.ts';
import { addLimits } from './sample/limits.ts';
import { addManualEntries } from './sample/manual-entries.ts';
import { addOrders } from './sample/orders.ts';
import { addRoles } from './sample/roles.ts';
import { addSanctions } from './sample/sanctions.ts';

/**
 * Compliance's part of the sample company; the last, since it is about what the others have made.
 *
 * It changes no row of another module but the block of a few customers. It adds consumable orders without receipts (never
 * of status `open`) and manual journal entries that touch no control account.
 */
export function sample(world: SampleWorld): void {
  addGrants(world, addRoles(world));
  addSanctions(world);
  addManualEntries(world);
  addLimits(world, addOrders(world));
}
