import type { Draft, SampleWorld } from 'tutti';

/** What a vendor delivers to a company, and where it is put. */
export interface Place {
  readonly vendor: Draft<'party'>;
  readonly company: Draft<'company'>;
  readonly warehouse: Draft<'warehouse'>;
  /** Products that lie in stock there. A product has one vendor, hence one warehouse in a company. */
  readonly products: readonly Draft<'product'>[];
  /** Products that nobody stocks: services and consumables, ordered without a goods receipt. */
  readonly unstocked: readonly Draft<'product'>[];
}

/** All deliveries of one vendor; the first place is its main one. */
export interface Source {
  readonly vendor: Draft<'party'>;
  readonly places: readonly Place[];
}

/** Deals item groups to vendors and vendors to companies: every vendor delivers something to one company or two. */
export function dealSources(world: SampleWorld): readonly Source[] {
  const { random } = world;
  const vendors = random.shuffle(world.all('party').filter((party) => party.supplier));
  const assortment = dealProducts(world, vendors);
  const warehouses = Map.groupBy(world.all('warehouse'), (warehouse) => warehouse.company);
  const companies = world.all('company').filter((company) => warehouses.has(company.code));
  return vendors.map((vendor) => {
    const products = assortment.get(vendor.id) ?? [];
    // The cost decides nothing here: one product in seven is a service or a consumable.
    const stocked = products.filter((_, index) => index % 7 !== 6);
    const unstocked = products.filter((_, index) => index % 7 === 6);
    return {
      vendor,
      places: companiesOf(world, vendor, companies).map((company, rank) => ({
        vendor,
        company,
        warehouse: random.pick(warehouses.get(company.code) ?? []),
        products: rank === 0 ? stocked : stocked.filter(() => random.chance(0.7)),
        unstocked,
      })),
    };
  });
}

/** A group's products go in turn to its two or three vendors. */
function dealProducts(
  world: SampleWorld,
  vendors: readonly Draft<'party'>[],
): ReadonlyMap<string, readonly Draft<'product'>[]> {
  const groups = world.random.shuffle(world.all('item_group'));
  const suppliers = Map.groupBy(
    vendors.map((vendor, index) => ({ vendor, group: groups[index % groups.length]?.id })),
    (dealt) => dealt.group,
  );
  const assortment = new Map<string, Draft<'product'>[]>();
  const turns = new Map<string, number>();
  for (const product of world.all('product')) {
    const turn = turns.get(product.group) ?? 0;
    turns.set(product.group, turn + 1);
    const own = suppliers.get(product.group) ?? [];
    const vendor = own[turn % own.length]?.vendor.id ?? '';
    const products = assortment.get(vendor);
    if (products) products.push(product);
    else assortment.set(vendor, [product]);
  }
  return assortment;
}

/** Half of the vendors deliver first where their currency is spent; a third deliver to a second company. */
function companiesOf(
  world: SampleWorld,
  vendor: Draft<'party'>,
  companies: readonly Draft<'company'>[],
): readonly Draft<'company'>[] {
  const { random } = world;
  const home = companies.find((company) => company.currency === vendor.currency);
  const first = home && random.chance(0.5) ? home : random.pick(companies);
  const others = companies.filter((company) => company !== first);
  return others.length > 0 && random.chance(0.33) ? [first, random.pick(others)] : [first];
}
