import type { Policy } from './policy.ts';

/** Made for lists that stay the same objects as long as they say the same. */
const made = new WeakMap<readonly Policy[], WeakMap<readonly Policy[], readonly Policy[]>>();

/**
 * The policies that count: those of the code, and in their place or beside them the versions that people have put in force. A version takes the
 * place of everything that the code says under its name.
 */
export function policiesInForce(
  declared: readonly Policy[],
  inForce: readonly Policy[],
): readonly Policy[] {
  if (inForce.length === 0) return declared;
  const known = made.get(inForce) ?? new WeakMap<readonly Policy[], readonly Policy[]>();
  made.set(inForce, known);
  const all = known.get(declared) ?? replaced(declared, inForce);
  known.set(declared, all);
  return all;
}

function replaced(declared: readonly Policy[], inForce: readonly Policy[]): readonly Policy[] {
  const names = new Set(inForce.map(({ name }) => name));
  return [...declared.filter(({ name }) => !names.has(name)), ...inForce];
}
