import { definePolicy } from 'tutti';

/** A party that is blocked is told nothing, and may be the wrong one. */
export const tiers = definePolicy({
  name: 'compliance.tiers',
  grants: [],
  tiers: [
    { name: 'compliance.officer', tools: ['compliance.party.block'], by: ['compliance_officer'] },
  ],
});
