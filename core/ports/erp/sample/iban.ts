import type { Chance } from '../../../sdk/sample.ts';

/**
 * An account number in the form of ISO 13616: country, two check digits, and the country's own part, drawn by chance.
 * Countries outside the IBAN registry get the same form (nine digits of bank, ten of account), so that one check fits all.
 */
export function drawIban(country: string, random: Chance): string {
  const own = (shapes[country] ?? otherShape).replaceAll(/[a9]/g, (mark) =>
    mark === 'a' ? random.pick(letters) : String(random.integer(0, 9)),
  );
  return withCheckDigits(country, own);
}

/** Puts the check digits in: 98 less the number formed by the rest, letters as 10 to 35, modulo 97 (ISO 7064, MOD 97-10). */
export function withCheckDigits(country: string, own: string): string {
  const digits = `${own}${country}00`.replaceAll(/[A-Z]/g, (letter) =>
    String(letter.charCodeAt(0) - 55),
  );
  const check = 98n - (BigInt(digits) % 97n);
  return `${country}${String(check).padStart(2, '0')}${own}`;
}

const letters = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZ'];

// The national parts (BBAN) as the registry gives them: a letter, 9 digit. SWIFT IBAN Registry, release 99, 2024.
const shapes: Readonly<Record<string, string>> = {
  AT: '9'.repeat(16),
  BE: '9'.repeat(12),
  CZ: '9'.repeat(20),
  DE: '9'.repeat(18),
  ES: '9'.repeat(20),
  FI: '9'.repeat(14),
  FR: '9'.repeat(23),
  GB: `aaaa${'9'.repeat(14)}`,
  IE: `aaaa${'9'.repeat(14)}`,
  IT: `a${'9'.repeat(22)}`,
  NL: `aaaa${'9'.repeat(10)}`,
  PL: '9'.repeat(24),
  PT: '9'.repeat(21),
  SE: '9'.repeat(20),
};
const otherShape = '9'.repeat(19);
