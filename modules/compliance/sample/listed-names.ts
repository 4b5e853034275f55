import { type Draft, type SampleWorld, Text } from 'tutti';
import { memo } from './memo.ts';

/** A sanctions entry before it is written. */
export interface ListedPlan {
  readonly name: string;
  readonly aliases: readonly string[];
  readonly country: string;
  readonly status: 'listed' | 'delisted';
}

/** Draws somebody for the lists. */
export function drawListed(world: SampleWorld): ListedPlan {
  const { random } = world;
  return {
    name: firm(world),
    aliases: Array.from({ length: random.integer(0, 2) }, () => firm(world)),
    country: random.pick(countries),
    status: random.chance(0.05) ? 'delisted' : 'listed',
  };
}

/** Writes the entries, in mixed order. */
export function addListed(
  world: SampleWorld,
  plans: readonly ListedPlan[],
): ReadonlyMap<ListedPlan, Draft<'sanction_entry'>> {
  const { random } = world;
  return new Map(
    random.shuffle(plans).map((plan, index) => {
      const list = random.pick(['EU', 'UN', 'OFAC', 'UK'] as const);
      const entry = world.add('sanction_entry', {
        number: `SL-${String(index + 1).padStart(5, '0')}`,
        list,
        program: `${list}-${random.pick(programs)}`,
        name: new Text(plan.name),
        country: plan.country,
        status: plan.status,
        remarks: memo(world),
        aliases: plan.aliases.map((alias) => ({ name: new Text(alias) })),
      });
      return [plan, entry];
    }),
  );
}

function firm(world: SampleWorld): string {
  const { random } = world;
  const owner = random.pick(owners);
  const second = random.chance(0.3) ? ` & ${random.pick(owners)}` : '';
  return `${owner}${second} ${random.pick(trades)} ${random.pick(forms)}`;
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

// Where the group trades, and where most of those listed are.
const countries = words(
  'DE DE AT FR IT NL ES BE IE FI PT CZ SE US US CN TW MX KR GB GB PL PL RU RU BY IR SY TR AE HK KP',
);
const programs = ['RUS', 'BLR', 'IRN', 'SYR', 'PRK', 'TERR', 'CYBER', 'CHEM'];

const owners = words(`
  Abramowicz Adler Aksoy Albrecht Antonov Arslan Bašić Bellini Bergström Blanchard Borodin Çelik Chaudhary Conti Danilov
  Dvořák Engström Farrell Fedorov Gallagher Grigoryan Günther Holub Jørgensen Kazakov Köhler Kovács Krüger Lebedev Łukasik
  Malinowski Melnyk Möller Moravec Morozov Nazarov Orlov Østergaard Pankov Petković Quintero Rosales Rybakov Sandoval
  Schröder Semenov Şimşek Sørensen Sterling Tarasov Ustinov Valente Volkov Whitaker Yakovlev Zhukov`);
const trades = words(`
  Alloys Armatures Batteries Bearings Cables Castings Chemicals Commodities Components Drones Electronics Engineering
  Fasteners Forwarding Holding Hydraulics Instruments Invest Logistics Maritime Metals Optics Petroleum Pneumatics
  Precision Semiconductors Shipping Steel Systems Tooling Trading Transport Valves`);
const forms = [
  'GmbH',
  'Ltd',
  'LLC',
  'S.A.',
  'B.V.',
  'Sp. z o.o.',
  'S.r.l.',
  'Co. Ltd',
  'Inc.',
  'AG',
];
