import type { Draft, SampleWorld } from 'tutti';
import { businessDay, periodOf } from './days.ts';
import { memo } from './memos.ts';
import { byDate, type Plan } from './row.ts';
import { amount } from './service-bills.ts';

/** Adds the invoices to customers, each from the company that sells in the customer's currency. */
export function addReceivables(world: SampleWorld): readonly Draft<'receivable'>[] {
  const { random } = world;
  const { from } = periodOf(world);
  const customers = world.all('party').filter((party) => party.customer);
  const plans = customers.flatMap((customer): Plan<'receivable'>[] => {
    const company = world.all('company').find((each) => each.currency === customer.currency);
    if (!company) return [];
    return Array.from({ length: random.integer(5, 10) }, () => {
      const day = businessDay(world, random.integer(from, -1));
      const dueDay = day + random.pick([14, 30, 30, 45]);
      const paid = dueDay < -4 && random.chance(0.95);
      return {
        ...{ number: '', company: company.code, customer: customer.id },
        ...{ date: world.day(day), dueOn: world.day(dueDay), status: paid ? 'paid' : 'open' },
        ...{
          memo: memo(world),
          total: amount(world, company.currency, [250, 24_000]),
          entry: null,
        },
      };
    });
  });
  return byDate(plans).map((plan, index) =>
    world.add('receivable', { ...plan, number: `SI-${String(100_001 + index)}` }),
  );
}
