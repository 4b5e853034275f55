import { createHash } from 'node:crypto';
import { v7 } from 'uuid';

/** Mints a UUIDv7 (RFC 9562): unique, and sorted by time, so partitions by month follow from the id. */
export const newId: () => string = v7;

/** Whether a text is an id at all, of whatever version: the database refuses to look for another. */
export function isId(text: string): boolean {
  return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(text);
}

/**
 * Serialises a value so that equal values give equal bytes: keys sorted by UTF-16 code unit, no white space,
 * `undefined` members left out. RFC 8785 (JSON Canonicalization Scheme) for the values that JSON can hold.
 */
export function canonicalJson(value: unknown): string {
  if (Array.isArray(value))
    return `[${value.map((item) => canonicalJson(item ?? null)).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const plain = 'toJSON' in value && typeof value.toJSON === 'function' ? value.toJSON() : value;
    if (plain !== value) return canonicalJson(plain);
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => `${JSON.stringify(key)}:${canonicalJson(member)}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}

/** SHA-256 over the canonical JSON of `parts`, as 32 bytes: the one hash behind keys, digests and fingerprints. */
export function digest(...parts: readonly unknown[]): Buffer {
  return createHash('sha256').update(canonicalJson(parts)).digest();
}
