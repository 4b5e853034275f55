import fc from 'fast-check';

/**
 * Texts of any characters, halves of pairs among them. fast-check's own (`unit: 'binary'`) first makes a list of a million characters: a second
 * of each process.
 */
export const anyText: fc.Arbitrary<string> = fc
  .array(fc.oneof(fc.nat(0xffff), fc.nat(0x10ffff)))
  .map((points) => String.fromCodePoint(...points));
