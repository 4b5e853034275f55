import { definePolicy, Money } from 'tutti';

const tools = ['finance.hold.place', 'finance.bank_fee.park', 'finance.correction.park'];

/** Who must agree to what finance's agents hold or post. Smaller amounts are anybody's who may approve. */
export const tiers = definePolicy({
  name: 'finance.tiers',
  grants: [],
  tiers: [
    {
      name: 'finance.controller',
      tools,
      above: Money.of('1000', 'EUR'),
      by: ['controller'],
      escalate: { after: 'P2D', to: ['cfo'] },
    },
    {
      name: 'finance.large',
      tools,
      above: Money.of('50000', 'EUR'),
      by: ['controller', 'cfo'],
      required: 2,
    },
  ],
});
