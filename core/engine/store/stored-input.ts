import { createHash } from 'node:crypto';
import { placeOf, type RunKeys, type StoredBody } from '../../ports/db/vault.ts';

/** A part of a run's first entry: 0 its input, 1 its goal. */
export interface InputPart {
  readonly body: Buffer;
  /** What it is known by where it is not sealed. */
  readonly hash: Buffer;
  /** @default 0 */
  readonly part?: number;
}

/** The input of a run, or its goal, as it is stored, with its hash: what is sealed tells nothing of itself, not even whether it is a guess. */
export function storedInput(
  keys: RunKeys | null,
  { body, hash, part = 0 }: InputPart,
): StoredBody & { readonly hash: Buffer } {
  if (!keys) return { keyId: null, body, hash };
  const sealed = keys.seal({ class: 'input', place: placeOf(1, part) }, body);
  return { ...sealed, hash: createHash('sha256').update(sealed.body).digest() };
}
