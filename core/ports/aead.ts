import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

/*
 * Authenticated encryption: AES-256-GCM. What is sealed for a place opens nowhere else, and not when a bit of it was changed.
 */

const algorithm = 'aes-256-gcm';
// What NIST SP 800-38D recommends for GCM, section 8.2.2: 96 random bits for at most 2^32 seals a key; and its longest tag.
const nonceBytes = 12;
const tagBytes = 16;

/** The length of a key. */
export const keyBytes = 32;

/** A key from 32 bytes in base64, as `openssl rand -base64 32` makes one; null: the text is none. */
export function keyFrom(text: string): Buffer | null {
  const key = Buffer.from(text, 'base64');
  return key.length === keyBytes && /^[\w+/-]{43}=?$/.test(text) ? key : null;
}

/** Nonce, ciphertext and tag. `place`: where it goes, so that it opens nowhere else. */
export function sealedFor(place: string, secret: Buffer | string, key: Buffer): Buffer {
  const nonce = randomBytes(nonceBytes);
  const cipher = createCipheriv(algorithm, key, nonce).setAAD(Buffer.from(place));
  const text = typeof secret === 'string' ? cipher.update(secret, 'utf8') : cipher.update(secret);
  return Buffer.concat([nonce, text, cipher.final(), cipher.getAuthTag()]);
}

/** What was sealed. @throws Node's own error when it is not what was sealed for this place */
export function openedAt(place: string, body: Buffer, key: Buffer): Buffer {
  const decipher = createDecipheriv(algorithm, key, body.subarray(0, nonceBytes), {
    authTagLength: tagBytes,
  });
  decipher.setAAD(Buffer.from(place)).setAuthTag(body.subarray(-tagBytes));
  return Buffer.concat([decipher.update(body.subarray(nonceBytes, -tagBytes)), decipher.final()]);
}
