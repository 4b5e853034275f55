import { definePolicy, Money } from 'tutti';

/** Who must agree to what is bought or claimed. */
export const tiers = definePolicy({
  name: 'inventory.tiers',
  grants: [],
  tiers: [
    {
      name: 'inventory.purchasing',
      tools: ['inventory.request.draft', 'inventory.claim.draft'],
      above: Money.of('5000', 'EUR'),
      by: ['purchasing_lead'],
    },
  ],
});
