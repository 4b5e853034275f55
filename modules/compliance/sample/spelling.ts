import type { Chance } from 'tutti';

/** Another spelling of the same name: other alphabets' habits, case, order of words, without the legal form. */
export function respell(name: string, random: Chance): string {
  switch (random.integer(0, 4)) {
    case 0:
      return name;
    case 1:
      return name.replaceAll(/[äöüÄÖÜß]/g, (letter) => germanPairs[letter] ?? letter);
    case 2:
      return name.normalize('NFD').replaceAll(/\p{M}/gu, '').replaceAll('ł', 'l');
    case 3:
      return name.toUpperCase();
    default: {
      const [first, ...rest] = name.split(' ');
      return `${rest.join(' ')}, ${first}`;
    }
  }
}

const germanPairs: Readonly<Record<string, string>> = {
  ä: 'ae',
  ö: 'oe',
  ü: 'ue',
  Ä: 'Ae',
  Ö: 'Oe',
  Ü: 'Ue',
  ß: 'ss',
};

/**
 * The name with `mistakes` wrong letters, none within three letters of another, or null when it has no room for them.
 * Only consonants inside long words change, and never into one that another spelling of the name would have.
 */
export function misspell(name: string, random: Chance, mistakes: number): string | null {
  const places = [...name.matchAll(/(?<=\p{L})[bdfgklmnprtvz](?=\p{L})/gu)]
    .map((match) => match.index)
    .filter((place) => wordAt(name, place).length >= 5);
  const chosen: number[] = [];
  for (const place of random.shuffle(places)) {
    if (chosen.length === mistakes) break;
    if (chosen.every((other) => Math.abs(other - place) > 3)) chosen.push(place);
  }
  if (chosen.length < mistakes) return null;
  const letters = [...Array(name.length).keys()].map((place) => name.charAt(place));
  for (const place of chosen) {
    const right = letters[place];
    letters[place] = random.pick([...'bdfgklmnprtvz'].filter((letter) => letter !== right));
  }
  return letters.join('');
}

function wordAt(name: string, place: number): string {
  const before = /\p{L}*$/u.exec(name.slice(0, place))?.[0] ?? '';
  const after = /^\p{L}*/u.exec(name.slice(place))?.[0] ?? '';
  return before + after;
}
