/**
 * Compares names of companies the way a sanctions analyst reads them: spelling variants, transliteration, legal forms and
 * the order of words do not count, typing errors count little. Deterministic: the same names always give the same score.
 *
 * 1. Letters: lower case; letters with a mark lose it (Unicode NFKD, UAX 15); letters without a decomposition get their
 *    usual base letters; `ae`, `oe` and `ue` become `a`, `o` and `u`, so that `Müller`, `Mueller` and `Muller` are one.
 *    Letters of other scripts stay what they are.
 * 2. Words: dots vanish (`S.p.A.` is one word), everything else that is no letter or digit separates; legal forms and
 *    `and` are left out.
 * 3. Score: 1 − d / n, where d is the optimal string alignment distance (insertion, deletion, substitution, and
 *    transposition of neighbours cost 1 each) of the words run together and n the length of the longer one; the better
 *    of the words as written and the words sorted.
 *
 * Distance: F. J. Damerau, "A technique for computer detection and correction of spelling errors", CACM 7(3), 1964;
 * V. I. Levenshtein, "Binary codes capable of correcting deletions, insertions and reversals", Soviet Physics Doklady
 * 10(8), 1966; the table is that of R. A. Wagner and M. J. Fischer, JACM 21(1), 1974.
 */

/** A name ready to be compared: its words run together, as written and sorted. */
export interface ComparableName {
  readonly written: string;
  readonly sorted: string;
  /** How often each letter occurs; letters whose codes are a multiple of `kinds` apart are counted as one. */
  readonly letters: Uint16Array;
}

const kinds = 32;

/** Scores from here on are worth a look: about one letter in five differs. */
export const candidateScore = 0.8;

/** Scores from here on are a hit: one difference in 13 letters, two in 25. */
export const hitScore = 0.92;

/** Does steps 1 and 2. A name of nothing but legal forms keeps them. */
export function comparable(name: string): ComparableName {
  const all = baseLetters(name)
    .replaceAll('.', '')
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== '');
  const kept = all.filter((word) => !ignored.has(word));
  const words = kept.length > 0 ? kept : all;
  const written = words.join('');
  return { written, sorted: [...words].sort().join(''), letters: lettersOf(written) };
}

/** Does step 3: 1 = same name, 0 = nothing in common, or no letter to compare; three decimals. Scores that must lie below `floor` come as 0. */
export function similarity(a: ComparableName, b: ComparableName, floor = 0): number {
  const longest = Math.max(a.written.length, b.written.length);
  if (longest === 0) return 0;
  if (a.sorted === b.sorted) return 1;
  // Most names have too few letters in common, in whatever order.
  if (rounded(1 - leastDistance(a.letters, b.letters) / longest) < floor) return 0;
  const tooFar = leastBelow(floor, longest);
  const least = Math.min(
    distance(a.written, b.written, tooFar),
    distance(a.sorted, b.sorted, tooFar),
  );
  return least >= tooFar ? 0 : rounded(1 - least / longest);
}

function lettersOf(word: string): Uint16Array {
  const counts = new Uint16Array(kinds);
  for (let at = 0; at < word.length; at++) (counts[word.charCodeAt(at) % kinds] as number) += 1;
  return counts;
}

/** No distance of words of these letters is less: what one has more of is deleted or replaced, and a swap changes no count. */
function leastDistance(a: Uint16Array, b: Uint16Array): number {
  let [more, less] = [0, 0];
  for (let kind = 0; kind < kinds; kind++) {
    const difference = (a[kind] as number) - (b[kind] as number);
    if (difference > 0) more += difference;
    else less -= difference;
  }
  return Math.max(more, less);
}

/** The least distance of names of `longest` letters whose score lies below `floor`. */
function leastBelow(floor: number, longest: number): number {
  let distance = 0;
  while (distance <= longest && rounded(1 - distance / longest) >= floor) distance += 1;
  return distance;
}

function rounded(score: number): number {
  return Math.round(score * 1000) / 1000;
}

function baseLetters(name: string): string {
  return name
    .toLowerCase()
    .replaceAll(/[łøđðþßæœıħ]/g, (letter) => specialLetters[letter] ?? letter)
    .normalize('NFKD')
    .replaceAll(/\p{M}/gu, '')
    .replaceAll(/([aou])e/g, '$1');
}

// Letters that Unicode does not decompose, as passports write them (ICAO Doc 9303, part 3, section 6, 2021).
const specialLetters: Readonly<Record<string, string>> = {
  ł: 'l',
  ø: 'o',
  đ: 'd',
  ð: 'd',
  þ: 'th',
  ß: 'ss',
  æ: 'a',
  œ: 'o',
  ı: 'i',
  ħ: 'h',
};

// Legal forms of the countries that the group trades with, and words that join; dots are gone by then.
const ignored: ReadonlySet<string> = new Set(
  `ab ag and as bv co company corp cv dac de gmbh inc incorporated kg lda limited llc llp ltd nv oo ooo oy plc pte sa
   sarl sas sl sp spa spzoo sro srl und y z`.split(/\s+/),
);

/**
 * Optimal string alignment distance, three rows of the table at a time; something from `tooFar` on where it is not less. No entry is less than
 * the least of the two rows above it, so two rows from `tooFar` on decide: names differ in their first letters, mostly.
 */
function distance(a: string, b: string, tooFar: number): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, column) => column);
  let leastOfLast = 0;
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    let least = row;
    for (let column = 1; column <= b.length; column++) {
      const same = a[row - 1] === b[column - 1];
      let cost = Math.min(
        (last[column] ?? 0) + 1,
        (current[column - 1] ?? 0) + 1,
        (last[column - 1] ?? 0) + (same ? 0 : 1),
      );
      const swapped =
        row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      if (swapped) cost = Math.min(cost, (before[column - 2] ?? 0) + 1);
      current.push(cost);
      if (cost < least) least = cost;
    }
    if (least >= tooFar && leastOfLast >= tooFar) return tooFar;
    before = last;
    last = current;
    leastOfLast = least;
  }
  return last[b.length] ?? 0;
}
