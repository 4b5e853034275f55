import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** An API key as it is made: its text is shown once, and kept by nobody here. */
export interface MadeKey {
  readonly text: string;
  /** What it is found by; no secret. */
  readonly prefix: string;
  readonly hash: Buffer;
}

const secretBytes = 32;
const form = /^tutti_([0-9a-f]{12})_[\w-]{43}$/;

/** Makes a key: `tutti_`, a public prefix of 48 bits, and a secret of 256 bits. */
export function makeKey(): MadeKey {
  const prefix = randomBytes(6).toString('hex');
  const text = `tutti_${prefix}_${randomBytes(secretBytes).toString('base64url')}`;
  return { text, prefix, hash: hashOf(text) };
}

/** Whether a credential is meant as an API key. */
export function isKeyText(text: string): boolean {
  return text.startsWith('tutti_');
}

/** What a key is found by; undefined: its text is no key's. */
export function prefixOf(text: string): string | undefined {
  return form.exec(text)?.[1];
}

/** Whether a text is the key of a hash, in a time that does not tell how much of it fits. */
export function isKeyOf(hash: Buffer, text: string): boolean {
  const other = hashOf(text);
  return hash.length === other.length && timingSafeEqual(hash, other);
}

/**
 * One SHA-256 is enough: slow hashes and salts protect what can be guessed, and nobody guesses 256 random bits. A slow one would only let
 * strangers spend this machine's time.
 */
function hashOf(text: string): Buffer {
  return createHash('sha256').update(text).digest();
}
