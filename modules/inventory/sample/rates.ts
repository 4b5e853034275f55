import type { SampleWorld } from 'tutti';

/** What one unit of a currency is worth in the group's currency on the business date; only for making plausible amounts. */
export function rateOf(world: SampleWorld, currency: string): number {
  return Number(rateTextOf(world, currency));
}

/** The same as decimal text, for amounts that must tie. */
export function rateTextOf(world: SampleWorld, currency: string): string {
  return ratesOf(world).get(currency) ?? '1';
}

const known = new WeakMap<SampleWorld, ReadonlyMap<string, string>>();

function ratesOf(world: SampleWorld): ReadonlyMap<string, string> {
  const found = known.get(world);
  if (found) return found;
  const rates = world.all('exchange_rate').filter((rate) => rate.date === world.asOf);
  const made = new Map(rates.map((rate) => [rate.currency, rate.rate]));
  known.set(world, made);
  return made;
}
