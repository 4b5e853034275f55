import type { Chance } from '../../../sdk/sample.ts';

/** A person's name, from many nations; two people may share one. */
export function drawPersonName(random: Chance): string {
  return `${random.pick(givenNames)} ${random.pick(familyNames)}`;
}

/** A source of company names that never gives one twice. */
export function companyNames(random: Chance): (country: string) => string {
  const given = new Set<string>();
  return (country) => {
    for (;;) {
      const name = `${firmName(random)} ${random.pick(legalForms[country] ?? ['Ltd'])}`;
      if (given.has(name)) continue;
      given.add(name);
      return name;
    }
  };
}

function firmName(random: Chance): string {
  const line = random.pick(trades);
  switch (random.integer(0, 3)) {
    case 0:
      return `${random.pick(familyNames)} ${line}`;
    case 1:
      return `${random.pick(familyNames)} & ${random.pick(familyNames)} ${line}`;
    case 2:
      return `${random.pick(roots)}${random.pick(endings)} ${line}`;
    default:
      return `${random.pick(roots)}${random.pick(endings)} ${random.pick(places)} ${line}`;
  }
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

const givenNames = words(`
  Aaliyah Adam Agnieszka Ahmed Aiko Aisha Alejandra Alice Amara Amina Ana Anders Andrzej Anna Arjun Astrid Ayumi Beatriz
  Björn Carlos Chiara Chinedu Daniel Deepa Diego Dimitri Ebru Elena Emeka Emil Emre Eva Fatima Felix Fernanda Fiona
  Gabriel Giulia Grace Grzegorz Hana Hannah Hassan Henrik Ines Ingrid Isabel Ivan Jakub James Jana Jan Javier Jin Joao
  Johanna Jonas Joséphine Julia Kamala Karim Katarzyna Kenji Kofi Krzysztof Laila Lars Leila Liam Linh Lucía Lukas Maeve
  Magda Malik Marek Maria Marta Mateusz Mehmet Mei Michał Mihai Miriam Mohammed Mónica Nadia Ngozi Nikolai Nina Noah
  Oksana Olga Oliver Omar Paolo Pavel Petra Piotr Priya Rafael Rania Rashid Ravi Rosa Samira Sean Sofia Stefan Sunita
  Svetlana Tadeusz Thi Tomasz Tuan Ulrike Vikram Wei William Yasmin Yuki Yusuf Zanele Zofia`);

const familyNames = words(`
  Abebe Adeyemi Almeida Andersson Aydın Bakker Banerjee Baranowski Bauer Becker Bianchi Boateng Bondarenko Brandt
  Brennan Brown Carvalho Castro Chen Clarke Costa Cruz Dąbrowski Delgado Demir Diallo Dubois Edwards Ekström Eriksen
  Esposito Farouk Fernández Fischer Fitzgerald Fontaine Friedrich García Georgiou Gupta Haddad Hansen Hartmann Hassan
  Hernández Hoffmann Horvat Hughes Ibrahim Ivanova Iyer Jankowski Jansen Johansson Jones Kamiński Kaplan Kato Kaya Keller
  Khan Kim Kowalczyk Kowalska Krause Kumar Larsen Laurent Lee Lehmann Lewandowski Lindqvist Lopez Mahmoud Marino Martin
  Mazur Mbeki Mendes Meyer Morales Moreau Müller Murphy Nakamura Navarro Ndiaye Neumann Nguyen Nielsen Novák Nowak
  Nwosu O'Brien Okafor Okoye Oliveira Olsen Ortiz Osei Özdemir Papadopoulos Park Patel Pereira Petrov Piotrowski Popescu
  Ramírez Rao Reid Ricci Richter Rossi Ruiz Sadowski Sahin Santos Sato Schmidt Schneider Schulz Sharma Silva Singh
  Skowroński Sokolov Suzuki Svoboda Szymański Tanaka Taylor Thompson Torres Tran Vasquez Virtanen Vogel Wagner Walker
  Wang Weber Wiśniewska Wójcik Wolf Wright Yamamoto Yıldız Zając Zhang Zieliński Zimmermann`);

const roots = words(`
  Alba Alto Aqua Arden Astra Balt Baro Cald Cora Dura Elb Ferro Forma Gran Halm Hydra Isar Kolo Lumi Mara Mecha Nord Octa
  Orba Pelt Penta Polar Proto Quarz Rhein Sable Sigma Stella Sylva Tarn Tekno Terra Ulma Vega Vira Volt Wels Zeta`);
const endings = words(
  'dyn flex form line mark max met nova plan plex quip rex san tec ton tron vex work',
);
const places = words(
  'Allgäu Antwerp Bavaria Bristol Danzig Donau Essex Flanders Galicia Kent Lyon Mersey Midlands Ohio Porto Silesia Tyrol Venlo',
);
const trades = words(`
  Abrasives Bearings Castings Chemicals Coatings Components Controls Couplings Drives Electronics Fasteners Filtration
  Fluids Forgings Gears Hydraulics Industries Insulation Logistics Lubricants Machining Metals Motion Packaging Plastics
  Pneumatics Polymers Precision Robotics Seals Sensors Springs Steel Supply Systems Tooling Transport Valves Welding Wire`);

const legalForms: Readonly<Record<string, readonly string[]>> = {
  AT: ['GmbH'],
  BE: ['NV', 'BV'],
  CN: ['Co. Ltd'],
  CZ: ['s.r.o.', 'a.s.'],
  DE: ['GmbH', 'AG', 'GmbH & Co. KG'],
  ES: ['S.L.', 'S.A.'],
  FI: ['Oy'],
  FR: ['SARL', 'SAS'],
  GB: ['Ltd', 'PLC', 'LLP'],
  IE: ['DAC', 'Ltd'],
  IT: ['S.r.l.', 'S.p.A.'],
  KR: ['Co. Ltd'],
  MX: ['S.A. de C.V.'],
  NL: ['B.V.', 'N.V.'],
  PL: ['Sp. z o.o.', 'S.A.'],
  PT: ['Lda.', 'S.A.'],
  SE: ['AB'],
  TW: ['Co. Ltd'],
  US: ['Inc.', 'LLC', 'Corp.'],
};
