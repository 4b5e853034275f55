import type { Chance } from '../../../sdk/sample.ts';

/**
 * A seeded source of chance; `stream` gives independent sources under one seed.
 *
 * Algorithm: sfc32 (Small Fast Chaotic, 128 bits of state) by Chris Doty-Humphrey, from PractRand 0.95, seeded with three
 * words and a counter of 1 and stirred fifteen times as its author does.
 * @see https://pracrand.sourceforge.net/RNG_engines.txt
 */
export function chanceOf(seed: number, stream: number): Chance {
  const word = sfc32(seed >>> 0, Math.floor(seed / 2 ** 32) >>> 0, stream >>> 0);
  const next = (): number => word() / 2 ** 32;
  const integer = (from: number, to: number): number => from + Math.floor(next() * (to - from + 1));
  return {
    next,
    integer,
    pick: (items) => items[integer(0, items.length - 1)] as (typeof items)[number],
    shuffle: (items) => shuffled(items, integer),
    chance: (probability) => next() < probability,
  };
}

/**
 * A permutation of [0, 2^24) under a key: a balanced Feistel network of four rounds over two halves of twelve bits.
 * It gives ids in no order, yet each one from its place in the sequence alone. Not for secrets.
 */
export function permutationOf(key: number): (index: number) => number {
  const random = chanceOf(key, 0xfe15);
  const keys = [0, 1, 2, 3].map(() => random.integer(1, 0x7fffffff));
  return (index) => {
    let left = (index >>> 12) & 0xfff;
    let right = index & 0xfff;
    for (const each of keys) [left, right] = [right, left ^ mixed(right, each)];
    return (left << 12) | right;
  };
}

function mixed(half: number, key: number): number {
  const product = Math.imul(half ^ key, 0x9e3779b1);
  return ((product >>> 20) ^ (product >>> 7)) & 0xfff;
}

// Fisher and Yates, as Durstenfeld gives it (Communications of the ACM 7, 1964, algorithm 235).
function shuffled<T>(items: readonly T[], integer: (from: number, to: number) => number): T[] {
  const order = [...items];
  for (let last = order.length - 1; last > 0; last--) {
    const other = integer(0, last);
    [order[last], order[other]] = [order[other] as T, order[last] as T];
  }
  return order;
}

function sfc32(first: number, second: number, third: number): () => number {
  let a = first;
  let b = second;
  let c = third;
  let counter = 1;
  const word = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
    return sum;
  };
  for (let round = 0; round < 15; round++) word();
  return word;
}
