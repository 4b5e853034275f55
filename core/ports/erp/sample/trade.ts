import { Money } from '../../../base/money.ts';
import { Text } from '../../../base/text.ts';
import type { SampleWorld } from '../../../sdk/sample.ts';
import { drawIban } from './iban.ts';
import { companyNames } from './names.ts';
import { shortCode } from './organisation.ts';

/** Adds those the group trades with, the bank accounts, and what is bought, stocked and sold where. */
export function addTrade(world: SampleWorld): void {
  addPartyGroups(world);
  addParties(world);
  addBankAccounts(world);
  addItemGroups(world);
  addProducts(world);
  addWarehouses(world);
}

function addPartyGroups(world: SampleWorld): void {
  for (let number = 1; number <= 25 * world.scale; number++) {
    world.add('party_group', { code: `PG-${String(number).padStart(3, '0')}` });
  }
}

// In which currency parties of a country trade, and how many of twenty parties do.
const markets = [
  {
    currency: 'EUR',
    share: 8,
    countries: ['DE', 'DE', 'DE', 'AT', 'FR', 'IT', 'NL', 'ES', 'BE', 'IE', 'FI', 'PT', 'CZ', 'SE'],
  },
  { currency: 'USD', share: 5, countries: ['US', 'US', 'US', 'US', 'CN', 'TW', 'MX', 'KR'] },
  { currency: 'GBP', share: 4, countries: ['GB'] },
  { currency: 'PLN', share: 3, countries: ['PL'] },
] as const;
const marketOf = markets.flatMap((market) => Array.from({ length: market.share }, () => market));

function addParties(world: SampleWorld): void {
  const { random } = world;
  const nameFor = companyNames(random);
  const groups = random.shuffle(world.all('party_group'));
  const numbers = { supplier: 10_000, customer: 20_000 * Math.max(1, Math.ceil(world.scale / 4)) };
  const uses = random.shuffle([
    ...Array.from({ length: 160 * world.scale }, () => 'supplier' as const),
    ...Array.from({ length: 90 * world.scale }, () => 'customer' as const),
  ]);
  for (const [index, use] of uses.entries()) {
    numbers[use] += 1;
    // The markets take turns, so that each currency has its share of both uses at every scale.
    const market = marketOf[numbers[use] % marketOf.length] ?? markets[0];
    const country = random.pick<string>(market.countries);
    world.add('party', {
      number: `${use === 'supplier' ? 'V' : 'C'}${numbers[use]}`,
      name: new Text(nameFor(country)),
      supplier: use === 'supplier',
      customer: use === 'customer',
      country,
      taxNumber: `${country}${random.integer(100, 999)}${String(index + 1).padStart(6, '0')}`,
      group: groups[index % groups.length]?.id ?? '',
      currency: market.currency,
      blocked: false,
    });
  }
}

function addBankAccounts(world: SampleWorld): void {
  const { random } = world;
  for (let series = 1; series <= 6 * world.scale; series++) {
    for (const company of world.all('company')) {
      world.add('bank_account', {
        iban: drawIban(company.country, random),
        currency: company.currency,
        company: company.code,
        party: null,
        changedOn: null,
        verified: true,
      });
    }
  }
  for (const party of world.all('party')) {
    for (let count = random.chance(0.12) ? 2 : 1; count > 0; count--) {
      world.add('bank_account', {
        iban: drawIban(party.country, random),
        currency: party.currency,
        company: null,
        party: party.id,
        changedOn: random.chance(0.15) ? world.day(-random.integer(240, 900)) : null,
        verified: true,
      });
    }
  }
}

// What a group's products are called, in what unit they are counted, and their usual cost in the group's currency.
const kinds = [
  { name: 'Ball Bearing', unit: 'pcs', cost: [3, 60] },
  { name: 'Roller Bearing', unit: 'pcs', cost: [8, 140] },
  { name: 'Hex Bolt', unit: 'pcs', cost: [0.4, 6] },
  { name: 'Lock Nut', unit: 'pcs', cost: [0.4, 4] },
  { name: 'Shaft Seal', unit: 'pcs', cost: [2, 35] },
  { name: 'O-Ring Set', unit: 'set', cost: [1, 18] },
  { name: 'Spur Gear', unit: 'pcs', cost: [12, 220] },
  { name: 'Gearbox', unit: 'pcs', cost: [180, 900] },
  { name: 'Servo Motor', unit: 'pcs', cost: [150, 880] },
  { name: 'Drive Belt', unit: 'pcs', cost: [6, 75] },
  { name: 'Hydraulic Hose', unit: 'm', cost: [4, 38] },
  { name: 'Control Valve', unit: 'pcs', cost: [35, 420] },
  { name: 'Proximity Sensor', unit: 'pcs', cost: [14, 130] },
  { name: 'Cable Harness', unit: 'pcs', cost: [9, 110] },
  { name: 'Aluminium Profile', unit: 'm', cost: [5, 48] },
  { name: 'Steel Sheet', unit: 'kg', cost: [1, 9] },
  { name: 'Gear Oil', unit: 'l', cost: [4, 26] },
  { name: 'Filter Cartridge', unit: 'pcs', cost: [7, 95] },
  { name: 'Cutting Insert', unit: 'pcs', cost: [3, 28] },
  { name: 'Carton', unit: 'pcs', cost: [0.4, 5] },
] as const;
const series = ['Standard', 'Stainless', 'Heavy Duty'] as const;

function kindAt(index: number): (typeof kinds)[number] {
  return kinds[index % kinds.length] ?? kinds[0];
}

function addItemGroups(world: SampleWorld): void {
  for (let index = 0; index < 60 * world.scale; index++) {
    const line = Math.floor(index / kinds.length);
    const round = Math.floor(line / series.length);
    world.add('item_group', {
      code: `IG-${String(index + 1).padStart(3, '0')}`,
      name: `${series[line % series.length]} ${kindAt(index).name}s${round === 0 ? '' : ` ${round + 1}`}`,
    });
  }
}

function addProducts(world: SampleWorld): void {
  const { random } = world;
  const places = random.shuffle(
    world
      .all('item_group')
      .flatMap((group, index) => Array.from({ length: 40 }, () => ({ group, index }))),
  );
  for (const [index, place] of places.entries()) {
    const kind = kindAt(place.index);
    const [low, high] = kind.cost;
    const rank = random.next();
    world.add('product', {
      number: `P-${String(index + 1).padStart(6, '0')}`,
      name: new Text(
        `${kind.name} ${random.pick(['A', 'B', 'C', 'K', 'R', 'S', 'T', 'X'])}${random.integer(10, 99)}-${random.integer(100, 999)}`,
      ),
      group: place.group.id,
      unit: kind.unit,
      // Spread evenly over orders of magnitude, as prices of parts are.
      cost: Money.of((low * (high / low) ** random.next()).toFixed(2), 'EUR'),
      abc: rank < 0.2 ? 'A' : rank < 0.5 ? 'B' : 'C',
      active: !random.chance(0.02),
    });
  }
}

function addWarehouses(world: SampleWorld): void {
  for (let number = 1; number <= 2 * world.scale; number++) {
    for (const company of world.all('company')) {
      const place = number % 2 === 1 ? 'Main Store' : 'Finished Goods';
      world.add('warehouse', {
        code: `WH-${shortCode(company)}-${number}`,
        name: `${shortCode(company)} ${place} ${Math.ceil(number / 2)}`,
        company: company.code,
      });
    }
  }
}
