import type { SampleWorld } from 'tutti';

const known = new WeakMap<SampleWorld, ReadonlyMap<string, number>>();

/** What one unit of a currency is worth in the group's currency on the business date; only for making plausible amounts. */
export function rateOf(world: SampleWorld, currency: string): number {
  const rates = known.get(world) ?? ratesOf(world);
  known.set(world, rates);
  return rates.get(currency) ?? 1;
}

function ratesOf(world: SampleWorld): ReadonlyMap<string, number> {
  const today = world.all('exchange_rate').filter((rate) => rate.date === world.asOf);
  return new Map(today.map(({ currency, rate }) => [currency, Number(rate)]));
}
