import { definePolicy, usualDuties } from 'tutti';

/** Who asks, orders, receives, counts and adjusts are different hands. */
export const duties = definePolicy({ name: 'inventory.duties', grants: [], duties: usualDuties });
