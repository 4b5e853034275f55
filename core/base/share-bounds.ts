/** Of the standard normal distribution, for bounds that hold in 95 of 100 cases. */
const z = 1.96;

/** Between which shares that of a count lies, 0 to 1. */
export interface ShareBounds {
  readonly least: number;
  readonly most: number;
}

/**
 * Between which shares that of a count lies: Wilson's score interval (E. B. Wilson, 1927; NIST/SEMATECH e-Handbook 7.2.4.1), which
 * holds for few cases and for none, too. Of nothing it is anything.
 */
export function shareBounds(count: number, of: number): ShareBounds {
  if (of === 0) return { least: 0, most: 1 };
  const share = count / of;
  const middle = share + z ** 2 / (2 * of);
  const reach = z * Math.sqrt((share * (1 - share)) / of + z ** 2 / (4 * of ** 2));
  const whole = 1 + z ** 2 / of;
  return { least: (middle - reach) / whole, most: (middle + reach) / whole };
}

/**
 * By how much one share is above another at least: the lower end of Newcombe's interval for a difference of shares (R. G. Newcombe, Stat.
 * Med. 1998, method 10), which puts Wilson's intervals of the two together.
 */
export function leastLead(one: Counted, other: Counted): number {
  const [share, against] = [shareOf(one), shareOf(other)];
  const below = share - shareBounds(one.count, one.of).least;
  const above = shareBounds(other.count, other.of).most - against;
  return share - against - Math.sqrt(below ** 2 + above ** 2);
}

/** So many of so many. */
export interface Counted {
  readonly count: number;
  readonly of: number;
}

function shareOf({ count, of }: Counted): number {
  return of === 0 ? 0 : count / of;
}
